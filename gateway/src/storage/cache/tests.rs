use hoidap_shared::{
    config::Config,
    job::{PageContext, Sender, Turn},
};

use super::*;

fn question() -> Question {
    Question {
        message: "Đổi mật khẩu ở đâu?".into(),
        session_id: "session-0001".into(),
        context: PageContext { url: "https://a.example/vi".into(), ..PageContext::default() },
        history: vec![],
        user_id: None,
        client: "one".into(),
    }
}

fn key(change: impl FnOnce(&mut Question), versions: &[(&str, &str)], support: &str) -> String {
    let redis = Arc::new(Redis::new(&Config::read(None, Some([].into()), &[]).unwrap().redis).unwrap());
    let cache = Cache::new(redis, Duration::from_secs(60), support.into());
    let mut question = question();
    change(&mut question);
    cache.answer_key(&cache.key(&question, &versions.iter().copied().collect()))
}

#[tokio::test]
async fn the_key_covers_what_the_answer_depends_on_and_nothing_else() {
    let versions = [("classifier", "1"), ("retriever", "2"), ("generator", "3")];
    let same = key(|_| {}, &versions, "s");
    let visitor = |q: &mut Question| {
        q.session_id = "session-0002".into();
        q.user_id = Some("somebody".into());
        q.client = "two".into();
    };
    assert_eq!(key(visitor, &versions, "s"), same);
    let turn = |content: &str, sender| Turn { content: content.into(), sender };
    let others = [
        key(|q| q.message.push('!'), &versions, "s"),
        key(|q| q.context.url.push_str("/mail"), &versions, "s"),
        key(|q| q.context.title = "T".into(), &versions, "s"),
        key(|q| q.context.product = Some("T".into()), &versions, "s"),
        key(|q| q.context.section = Some("T".into()), &versions, "s"),
        key(|q| q.context.content_preview = Some("T".into()), &versions, "s"),
        key(|q| q.history = vec![turn("a", Sender::User)], &versions, "s"),
        key(|q| q.history = vec![turn("a", Sender::Assistant)], &versions, "s"),
        key(|q| q.history = vec![turn("a", Sender::User), turn("b", Sender::User)], &versions, "s"),
        key(|_| {}, &[("classifier", "1"), ("retriever", "2b"), ("generator", "3")], "s"),
        key(|_| {}, &versions[..1], "s"),
        key(|_| {}, &versions, "other@a.example"),
    ];
    let different: std::collections::BTreeSet<_> = others.iter().chain([&same]).collect();
    assert_eq!(different.len(), others.len() + 1);
}

/// Kept answers are found again by another release only under the same keys: these were computed apart from this code, as
/// the SHA-256 of `[form,message,[page],[history],{versions},support]` in JSON without spaces.
#[tokio::test]
async fn the_keys_are_those_of_earlier_releases() {
    let versions = [("classifier", "1"), ("retriever", "2"), ("generator", "3")];
    assert_eq!(
        key(|_| {}, &versions, "s"),
        "hoidap:answer:038e87f0b9ffabf397eb78a326fc94dbd1de4f9a7433762dca27a7778029f392"
    );
    let full = |q: &mut Question| {
        let turn = |content: &str, sender| Turn { content: content.into(), sender };
        q.history = vec![turn("a", Sender::User), turn("b", Sender::Assistant)];
        q.context.title = "T".into();
        q.context.product = Some("mail".into());
        q.context.section = Some("s".into());
        q.context.content_preview = Some("Đầu trang".into());
    };
    assert_eq!(
        key(full, &versions[..1], "s"),
        "hoidap:answer:e876142180641d995904a6a4b7e5a8b6465c9ee76e1272e7daaf9e846dc71ba7"
    );
}
