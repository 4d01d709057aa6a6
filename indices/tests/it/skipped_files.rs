//! Every file that is left out of a collection is reported with the reason.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    process::Command,
};

use crate::site::{Site, first};

#[test]
fn a_page_that_is_only_a_heading_is_found() {
    let site = Site::new();
    site.put("vi/gio.md", "# Giờ mở cửa: 9 giờ đến 20 giờ\n");
    site.put("vi/uu-dai.txt", "Mã ưu đãi tháng này là HE25, giảm 10% cho đơn từ 300.000đ.\n");
    site.put("vi/hotline.html", "<h1>Cửa hàng</h1><h2>Tổng đài 1900 0199</h2><h2>Trực ngày đêm</h2>");
    let built = site.build();
    assert!(
        built.skipped.is_empty() && built.partly_read.is_empty(),
        "{:?} {:?}",
        built.skipped,
        built.partly_read
    );
    assert!(built.manifest.chunks >= built.manifest.documents);
    let library = site.library();
    for (question, source) in [
        ("Giờ mở cửa", "vi/gio.md"),
        ("mã ưu đãi HE25", "vi/uu-dai.txt"),
        ("Tổng đài 1900 0199", "vi/hotline.html"),
    ] {
        assert_eq!(first(&site.ask(&library, question)), source, "{question}");
    }
}

#[test]
fn every_unread_document_is_reported_with_the_reason() {
    let mut site = Site::new();
    site.config.indices.max_file_bytes = 20_000;
    let put = |name: &str, bytes: &[u8]| fs::write(site.pages().join(name), bytes).unwrap();
    put("large.html", "<p>large</p>".repeat(5_000).as_bytes());
    put("empty.txt", b" \n ");
    put("none.html", b"");
    put("broken.pdf", b"%PDF-1.4 this is no PDF");
    put("really-a-zip.txt", b"PK\x03\x04\x14\x00\x06\x00");
    put("really-a-pdf.html", b"%PDF-1.7\n");
    put("price-list.docx", b"PK\x03\x04");
    put("logo.png", b"\x89PNG");
    put("logo-2.png", b"\x89PNG");
    put("front.md", "---\ntitle: [broken\n---\n\nThe rest is read.\n".as_bytes());
    let built = site.build();
    let reasons: Vec<String> = built.skipped.iter().map(|s| format!("{} {}", s.source, s.reason)).collect();
    for expected in [
        "large.html is larger than indices.max_file_bytes",
        "empty.txt holds no text",
        "none.html holds no text",
        "broken.pdf is damaged",
        "really-a-zip.txt is a ZIP archive or an office document, but its name says otherwise",
        "really-a-pdf.html is a PDF",
        "*.docx 1 of an unsupported kind, such as ",
        "*.png 2 of an unsupported kind, such as ",
    ] {
        assert!(reasons.iter().any(|reason| reason.starts_with(expected)), "{expected}: {reasons:#?}");
    }
    assert_eq!(reasons.len(), 8, "{reasons:#?}");
    let [front] = &built.partly_read[..] else { panic!("{:?}", built.partly_read) };
    assert!(front.source == "front.md" && front.reason.contains("its front matter is no YAML"), "{front:?}");
    assert_eq!(first(&site.ask(&site.library(), "The rest is read")), "front.md");
}

#[test]
fn a_build_without_changes_reports_it_again() {
    let site = Site::new();
    site.put("vi/rong.txt", "\n");
    assert_eq!(site.build().skipped.len(), 1);
    let again = site.build();
    assert!(!again.new);
    assert_eq!(again.skipped.len(), 1);
}

/// The command that builds the site.
fn tool(site: &Site) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoidap-index"));
    command
        .args(["build", "--collection", "help", "--base-url", "https://help.example/", "--root"])
        .arg(site.pages())
        .arg(site.pages())
        .env("HOIDAP_INDICES__DIR", &site.config.indices.dir);
    command
}

#[test]
fn with_a_json_log_a_build_prints_nothing_else() {
    let site = Site::new();
    site.put("vi/rong.txt", "\n");
    let built = tool(&site).env("HOIDAP_TELEMETRY__FORMAT", "json").output().unwrap();
    assert!(built.status.success());
    let lines: Vec<serde_json::Value> = [built.stderr, built.stdout]
        .iter()
        .flat_map(|output| std::str::from_utf8(output).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let said = |level: &str, text: &str| {
        let message = |line: &serde_json::Value| line["fields"]["message"].as_str().unwrap().to_string();
        lines.iter().any(|line| line["level"] == level && message(line).contains(text))
    };
    assert!(said("WARN", "left out: vi/rong.txt holds no text"), "{lines:#?}");
    assert!(said("INFO", "help: version ") && said("INFO", " chunks a second in "), "{lines:#?}");
}

#[test]
fn the_program_reports_what_it_left_out() {
    let site = Site::new();
    site.put("vi/rong.txt", "\n");
    site.put("vi/hong.md", "---\ntitle: [hỏng\n---\n\nPhần còn lại.\n");
    fs::write(site.pages().join("a.docx"), b"PK\x03\x04").unwrap();
    fs::write(site.pages().join("b.docx"), b"PK\x03\x04").unwrap();
    let built = tool(&site).output().unwrap();
    let (said, told) = (String::from_utf8_lossy(&built.stdout), String::from_utf8_lossy(&built.stderr));
    assert!(built.status.success(), "{told}");
    assert!(said.contains(", 3 files left out, 1 in part, index Flat"), "{said}");
    for line in [
        "left out: vi/rong.txt holds no text",
        "left out: *.docx 2 of an unsupported kind, such as ",
        "left out in part: vi/hong.md: its front matter is no YAML (",
    ] {
        assert!(told.lines().any(|l| l.starts_with(line)), "{line}: {told}");
    }
}

#[test]
fn a_build_that_loses_half_of_the_documents_is_refused_unless_it_is_accepted() {
    let mut site = Site::new();
    let before = site.build().manifest.version;
    for page in ["vi/gia.html", "vi/may-in.html", "en/notes.md"] {
        site.remove(page);
    }
    let error = site.try_build().unwrap_err().to_string();
    assert!(error.contains("3 of the 6 documents of the version in service would be gone"), "{error}");
    assert!(error.contains("more than 40 %") && error.contains("--accept-loss"), "{error}");
    assert_eq!(fs::read_to_string(site.collection_dir().join("current")).unwrap().trim(), before);
    site.config.indices.max_loss_share = 1.0;
    assert_eq!(site.build().manifest.documents, 3);
}

/// The program itself under a user that may not read everything: the tests may run as root, whom no mode stops.
fn as_nobody(site: &Site, arguments: &[&str]) -> String {
    use std::os::unix::process::CommandExt as _;
    let program = site.dir.path().join("hoidap-index");
    fs::copy(env!("CARGO_BIN_EXE_hoidap-index"), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(arguments).current_dir("/").env("OMP_NUM_THREADS", "1");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_folder_that_may_not_be_entered_is_named_with_user_and_mode() {
    let site = Site::new();
    let closed = site.dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(site.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let config = closed.join("hoidap.toml");
    fs::write(&config, "").unwrap();
    // Root enters what nobody may; everybody else enters nothing of mode 0000.
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let said = as_nobody(&site, &["--config", config.to_str().unwrap(), "list"]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(said.contains("permission denied to user id") && said.contains("has mode 0000"), "{said}");
    assert!(!said.contains("not found"), "{said}");
}
