//! What a product means to the search: a preference, or a filter where the configuration asks for one.

use std::path::Path;

use hoidap_shared::{
    config::Config,
    job::{Classified, Envelope, FilterUsed, Retrieved, ScoredLabel},
    progress::ProgressSink,
    stage::{NextStep, Stage as _},
};
use hoidap_stages::{classifier::Classifier, retriever::Retriever};
use hoidap_testing::{jobs, required_env};
use tempfile::TempDir;

use crate::sample_site;

/// Two products: both change passwords, and only one makes backups.
fn build(config: &Config, folder: &Path) {
    let password = "<p>Muốn đổi mật khẩu, mở Cài đặt, chọn Bảo mật rồi gõ mật khẩu mới hai lần.</p>";
    let mail = ("vi/mat-khau-thu.html", "Đổi mật khẩu hộp thư", password);
    let signature = ("vi/chu-ky.html", "Chữ ký cuối thư", "<p>Chữ ký được thêm vào cuối mỗi thư gửi đi.</p>");
    let drive = (
        "vi/mat-khau-kho.html",
        "Đổi mật khẩu kho tệp",
        "<p>Mật khẩu của kho tệp đổi ở trang Tài khoản.</p>",
    );
    let backup =
        ("vi/sao-luu.html", "Sao lưu tệp", "<p>Tệp được sao lưu mỗi đêm lúc 2 giờ, giữ 30 bản gần nhất.</p>");
    sample_site::build_collection(config, "mail", Some("mail"), &folder.join("mail"), &[mail, signature]);
    sample_site::build_collection(config, "drive", Some("drive"), &folder.join("drive"), &[drive, backup]);
}

/// A question as the classifier hands it on, about the product "mail".
async fn asked(classifier: &Classifier, question: &str) -> Envelope<Classified> {
    let job = jobs::question(question);
    let NextStep::Forward(mut classified) = classifier.process(&job, &ProgressSink::default()).await.unwrap()
    else {
        panic!("{question}: the classifier answers it");
    };
    classified.product = Some(ScoredLabel { name: "mail".into(), confidence: 0.95 });
    classified.collections = vec!["mail".into()];
    job.map(classified)
}

async fn found(retriever: &Retriever, job: &Envelope<Classified>) -> Retrieved {
    let NextStep::Forward(found) = retriever.process(job, &ProgressSink::default()).await.unwrap() else {
        panic!("the retriever answers nothing");
    };
    found
}

fn products(found: &Retrieved) -> Vec<&str> {
    found.passages.iter().filter_map(|passage| passage.product.as_deref()).collect()
}

#[tokio::test]
async fn a_product_is_preferred_or_with_a_filter_searched_first() {
    let folder = TempDir::new().unwrap();
    let (model, indices) = (required_env("HOIDAP_EMBEDDING__MODEL_DIR"), folder.path().join("indices"));
    let indices = indices.display().to_string();
    let with = |filter| {
        jobs::config(&[
            ("EMBEDDING__MODEL_DIR", &model),
            ("INDICES__DIR", &indices),
            ("INDICES__RELOAD_MS", "0"),
            ("RETRIEVER__FILTER", filter),
        ])
    };
    let (settings, below) = (with("false"), folder.path().to_path_buf());
    tokio::task::spawn_blocking(move || build(&settings, &below)).await.unwrap();

    let classifier = Classifier::open(&with("false")).await.unwrap();
    let preferring = Retriever::open(&with("false")).await.unwrap();
    let filtering = Retriever::open(&with("true")).await.unwrap();

    let password = asked(&classifier, "Đổi mật khẩu thế nào?").await;
    let preferred = found(&preferring, &password).await;
    assert_eq!((preferred.filter, products(&preferred)[0]), (FilterUsed::None, "mail"));
    assert!(products(&preferred).contains(&"drive"), "nothing is hidden: {:?}", products(&preferred));

    let filtered = found(&filtering, &password).await;
    assert_eq!(filtered.filter, FilterUsed::Product);
    assert!(products(&filtered).iter().all(|product| *product == "mail"), "{:?}", products(&filtered));

    let backup = asked(&classifier, "Tệp được sao lưu lúc mấy giờ, giữ bao nhiêu bản?").await;
    let elsewhere = found(&filtering, &backup).await;
    assert_eq!(elsewhere.filter, FilterUsed::FellBack, "support {}", elsewhere.support);
    assert!(elsewhere.passages[0].source.ends_with("sao-luu.html"), "{}", elsewhere.passages[0].source);
}
