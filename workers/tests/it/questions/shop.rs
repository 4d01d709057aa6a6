use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use hoidap_shared::{
    config::Config,
    job::{Answer, Sender, Turn},
    telemetry,
    text::normalise,
};
use hoidap_stages::pipeline::{OpenPipeline, pipeline};
use hoidap_testing::{jobs, required_env};

use crate::sample_site::{self, Page};

/// The pages of the shop.
const PAGES: [Page<'_>; 13] = [
    (
        "vi/gio-mo-cua.html",
        "Giờ mở cửa",
        "<p>Cửa hàng Huế mở cửa từ 7 giờ đến 21 giờ.</p><p>Cửa hàng Hội An mở cửa từ 8 giờ đến 18 giờ.</p>",
    ),
    ("vi/va-xe.html", "Vá xe", "<p>Vá xe ở quầy sửa của mọi cửa hàng, giá 20.000đ một lỗ.</p>"),
    ("vi/the-hoi-vien.html", "Thẻ hội viên", "<p>Thẻ hội viên được giảm 15% tiền thuê xe.</p>"),
    (
        "vi/tre-em.html",
        "Trẻ em đi xe",
        "<p>Con nhỏ dưới 12 tuổi không nên tự đạp xe ra đường lớn. Trẻ từ 12 tuổi được tự đạp xe.</p>",
    ),
    ("vi/no-tien.html", "Nợ tiền thuê", "<p>Nợ tiền thuê quá hạn 7 ngày thì bị phạt 3% mỗi tuần.</p>"),
    (
        "vi/bao-hiem.html",
        "Bảo hiểm xe",
        "<p>Khung xe được bảo hiểm 24 tháng. Ruột xe không được bảo hiểm.</p><p>Tem bảo hành xe ở dưới yên.</p>",
    ),
    (
        "vi/mat-khau.html",
        "Đăng nhập và mật khẩu",
        "<p>Quên mật khẩu: bấm Quên mật khẩu ở trang đăng nhập, mã mới được gửi qua tin nhắn.</p>",
    ),
    (
        "vi/thue-xe.html",
        "Thuê xe",
        "<p>Xe MK có khung nhôm, thuê 90.000đ một ngày. Xe Sóng thuê 60.000đ một ngày. Thuê từ 3 ngày giảm 10%.</p>",
    ),
    (
        "vi/ma-loi.html",
        "Mã lỗi xe điện",
        "<table><tr><th>Mã</th><th>Ý nghĩa</th></tr><tr><td>BX-20</td><td>Xích trùng, căng lại xích.</td></tr>\
         <tr><td>BX-203</td><td>Phanh sau mòn, thay má phanh.</td></tr>\
         <tr><td>BX-32</td><td>Đèn trước hỏng, thay bóng.</td></tr></table>",
    ),
    (
        "en/insurance.html",
        "Insurance",
        "<p>The frame is insured for 24 months. The insurance does not cover the tyre tubes.</p>",
    ),
    (
        "en/parts.html",
        "Spare parts",
        "<table><tr><th>Part</th><th>Number</th><th>Price</th></tr><tr><td>Brake lever</td><td>48213K2</td><td>$11</td></tr>\
         <tr><td>Saddle post</td><td>48217K1</td><td>$16</td></tr></table>",
    ),
    (
        "en/firmware-3-4.html",
        "Display firmware 3.4",
        "<p>Display firmware 3.4 adds the night light. Updating takes 6 minutes.</p>",
    ),
    (
        "en/password.html",
        "Sign in",
        "<p>I forgot my password: choose Forgot password on the sign-in page; a code comes by text message.</p>",
    ),
];

/// The stages over the shop's pages.
pub(super) struct Shop {
    stages: OpenPipeline,
}

/// Opens the stages; the collections and the learnt intents are made by whichever test is first.
pub(super) async fn shop() -> Shop {
    telemetry::init_tls();
    let folder = folder();
    let model = required_env("HOIDAP_EMBEDDING__MODEL_DIR");
    let indices = folder.join("indices").display().to_string();
    let mut config = jobs::config(&[
        ("EMBEDDING__MODEL_DIR", &model),
        ("INDICES__DIR", &indices),
        ("INDICES__RELOAD_MS", "0"),
    ]);
    config.abbreviations.insert("bhx".into(), "bảo hành xe".into());
    fs::create_dir_all(&folder).unwrap();
    // Tests run in processes of their own: one builds, the others wait.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if !folder.join("whole").exists() {
        let (settings, below) = (config.clone(), folder.clone());
        tokio::task::spawn_blocking(move || make(&settings, &below)).await.unwrap();
    }
    let shop = Shop { stages: OpenPipeline::open(&config, &pipeline()).await.unwrap() };
    File::create(folder.join("whole")).unwrap();
    shop
}

/// A folder that another build of these tests does not share.
fn folder() -> PathBuf {
    let changed = fs::metadata(std::env::current_exe().unwrap()).unwrap().modified().unwrap();
    let age = changed.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("questions-{age:x}"))
}

fn make(config: &Config, folder: &Path) {
    let _ = fs::remove_dir_all(&config.indices.dir);
    sample_site::build_collection(config, "help", None, &folder.join("site"), &PAGES);
}

impl Shop {
    /// Asks after earlier turns, the visitor's first.
    pub(super) async fn ask(&self, history: &[&str], question: &str) -> Answer {
        let mut job = jobs::question(&normalise(question));
        let senders = [Sender::User, Sender::Assistant];
        job.body.history = history
            .iter()
            .enumerate()
            .map(|(index, text)| Turn { content: normalise(text), sender: senders[index % 2] })
            .collect();
        self.stages.run(job).await.unwrap().answer.unwrap()
    }
}
