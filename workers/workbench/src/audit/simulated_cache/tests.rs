use std::collections::BTreeSet;

use hoidap_shared::{
    job::{Answer, JobId, Outcome, PageContext, ProviderAttempt, Question, ScoredLabel, Sender, Turn, Usage},
    text::Language,
};

use super::*;
use crate::audit::hit_quality::ComparedAnswer;

/// A time in the recording, long before any test runs.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_600_000_000 + second).unwrap()
}

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

fn answer(question: &Question) -> Answer {
    Answer {
        session_id: question.session_id.clone(),
        user_id: None,
        client: question.client.clone(),
        question: question.message.clone(),
        page: question.context.url.clone(),
        outcome: Outcome::Answered,
        problem: None,
        text: "Ở trang Cài đặt.".into(),
        sources: vec![],
        citations: vec![],
        choices: Vec::new(),
        confidence: 0.5,
        intent: ScoredLabel { name: "how_to".into(), confidence: 0.9 },
        product: None,
        language: Language::Vi,
        provider: None,
        model: None,
        attempts: vec![],
        usage: Usage::default(),
        versions: fleet(),
    }
}

fn fleet() -> BTreeMap<String, String> {
    [("classifier", "1"), ("retriever", "2"), ("generator", "3")]
        .map(|(stage, version)| (stage.to_string(), version.to_string()))
        .into()
}

/// A job by the seconds when it was asked and ended, with its question's embedding as an angle.
fn job(asked: i64, ended: i64, degrees: f32, change: impl FnOnce(&mut AuditedJob)) -> AuditedJob {
    let question = question();
    let answer = answer(&question);
    let cached = SimulatedAnswer {
        job: JobId::new(),
        question: question.message.clone(),
        answer: ComparedAnswer { pages: BTreeSet::new(), ..ComparedAnswer::from(&answer) },
        vector: Some(vec![degrees.to_radians().cos(), degrees.to_radians().sin()]),
    };
    let (asked, ended) = (at(asked), at(ended));
    let mut job =
        AuditedJob { question, product: None, asked, ended, answer, hops: vec![], cached: Arc::new(cached) };
    change(&mut job);
    job
}

fn same(_: &mut AuditedJob) {}

fn cache(policy: &str) -> SimulatedCache {
    SimulatedCache::new(policy.parse().unwrap(), Duration::from_secs(3_600), "s".into())
}

/// The job whose answer is a hit.
fn found(cache: &mut SimulatedCache, job: &AuditedJob) -> Option<JobId> {
    match cache.look_up(job, &fleet()) {
        LookupResult::Hit(kept, _) => Some(kept.job.clone()),
        LookupResult::Miss | LookupResult::NotLookedUp => None,
    }
}

#[test]
fn the_exact_policy_has_the_gateways_key() {
    let versions = fleet();
    let versions: BTreeMap<&str, &str> = versions.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    // The gateway's tests pin the same digest of the same question.
    assert_eq!(
        cache("exact").cache_key(&job(0, 1, 0.0, same), &versions),
        "038e87f0b9ffabf397eb78a326fc94dbd1de4f9a7433762dca27a7778029f392"
    );
}

#[test]
fn answers_expire_by_the_recordings_clock() {
    for policy in ["exact,ttl=60", "semantic:0.9,ttl=60"] {
        let mut cache = cache(policy);
        let first = job(0, 10, 0.0, same);
        cache.store(&first);
        assert_eq!(found(&mut cache, &job(9, 30, 0.0, same)), None, "{policy}: it had not ended yet");
        assert_eq!(found(&mut cache, &job(69, 70, 0.0, same)).as_ref(), Some(&first.cached.job), "{policy}");
        assert_eq!(found(&mut cache, &job(70, 71, 0.0, same)), None, "{policy}");
        assert!(cache.entries.is_empty() && cache.by_key.is_empty() && cache.expiring.is_empty());
    }
    let mut cache = cache("exact,ttl=3600");
    let failing =
        ProviderAttempt { provider: "p".into(), took_ms: 1, error: Some("500".into()), wrote: None };
    cache.store(&job(0, 10, 0.0, |job| job.answer.attempts.push(failing)));
    assert!(found(&mut cache, &job(69, 70, 0.0, same)).is_some());
    assert_eq!(found(&mut cache, &job(70, 71, 0.0, same)), None, "made while a provider failed: a minute");
}

#[test]
fn answers_for_one_visitor_only_are_not_stored() {
    for outcome in [Outcome::Failed, Outcome::Stopped, Outcome::Unanswered] {
        let mut cache = cache("exact");
        cache.store(&job(0, 1, 0.0, |job| job.answer.outcome = outcome));
        assert_eq!(
            (cache.max_entries_used, found(&mut cache, &job(2, 3, 0.0, same))),
            (0, None),
            "{outcome:?}"
        );
    }
}

#[test]
fn two_equal_questions_at_once_store_one_answer() {
    let mut cache = cache("exact");
    let (first, second) = (job(0, 10, 0.0, same), job(1, 20, 0.0, same));
    cache.store(&first);
    cache.store(&second);
    assert_eq!(found(&mut cache, &job(15, 30, 0.0, same)).as_ref(), Some(&first.cached.job));
    assert_eq!(cache.max_entries_used, 1);
}

#[test]
fn the_most_alike_question_is_found_and_none_below_the_threshold() {
    let mut cache = cache("semantic:0.9");
    let (near, nearer) = (job(0, 1, 20.0, same), job(0, 1, 10.0, same));
    cache.store(&near);
    cache.store(&nearer);
    match cache.look_up(&job(2, 3, 0.0, same), &fleet()) {
        LookupResult::Hit(kept, Some(cosine)) => {
            assert_eq!(kept.job, nearer.cached.job);
            assert!((cosine - 10.0_f32.to_radians().cos()).abs() < 1e-6, "{cosine}");
        }
        other => panic!("{other:?}"),
    }
    // The cosine of 25.8 degrees is 0.9.
    assert_eq!(found(&mut cache, &job(2, 3, 45.0, same)).as_ref(), Some(&near.cached.job));
    assert_eq!(found(&mut cache, &job(2, 3, 46.0, same)), None);
    let none = |job: &mut AuditedJob| Arc::get_mut(&mut job.cached).unwrap().vector = None;
    assert!(matches!(cache.look_up(&job(2, 3, 0.0, none), &fleet()), LookupResult::NotLookedUp));
}

#[test]
fn the_least_recently_used_answer_is_evicted() {
    let mut cache = cache("semantic:0.99,entries=2");
    let jobs = [0.0, 40.0, 80.0].map(|degrees| job(0, 1, degrees, same));
    cache.store(&jobs[0]);
    cache.store(&jobs[1]);
    assert!(found(&mut cache, &job(2, 3, 0.0, same)).is_some());
    cache.store(&jobs[2]);
    assert!(found(&mut cache, &job(4, 5, 0.0, same)).is_some());
    assert!(found(&mut cache, &job(4, 5, 80.0, same)).is_some());
    assert_eq!(found(&mut cache, &job(4, 5, 40.0, same)), None);
    assert_eq!((cache.max_entries_used, cache.expiring.len()), (2, 2));
}

#[test]
fn other_versions_of_the_fleet_find_nothing() {
    for policy in ["exact", "semantic:0.9"] {
        let mut cache = cache(policy);
        cache.store(&job(0, 1, 0.0, same));
        let mut newer = fleet();
        newer.insert("retriever".into(), "2b".into());
        assert!(matches!(cache.look_up(&job(2, 3, 0.0, same), &newer), LookupResult::Miss), "{policy}");
        // What the classifier answered depends on no later stage.
        let at_once = |job: &mut AuditedJob| job.answer.versions.retain(|stage, _| stage == "classifier");
        cache.store(&job(4, 5, 0.0, at_once));
        assert!(matches!(cache.look_up(&job(6, 7, 0.0, same), &newer), LookupResult::Hit(..)), "{policy}");
    }
}

#[test]
fn a_scope_says_what_else_must_be_equal() {
    type Change = fn(&mut AuditedJob);
    let page: Change = |job| job.question.context.url = "https://a.example/vi/mail".into();
    let title: Change = |job| job.question.context.title = "T".into();
    let site: Change = |job| job.question.context.url = "https://b.example/vi".into();
    let product: Change = |job| job.product = Some("mail".into());
    let session: Change = |job| job.question.session_id = "session-0002".into();
    let changes = [page, title, site, product, session];
    for (scope, hits) in [
        ("page", [false, false, false, true, true]),
        ("product", [true, true, false, false, true]),
        ("site", [true, true, false, true, true]),
        ("session", [true, true, true, true, false]),
    ] {
        let mut cache = cache(&format!("semantic:0.9,scope={scope}"));
        cache.store(&job(0, 1, 0.0, same));
        let found = changes.map(|change| found(&mut cache, &job(2, 3, 0.0, change)).is_some());
        assert_eq!(found, hits, "{scope}");
    }
}

#[test]
fn earlier_turns_count_as_the_policy_says() {
    let turn = |content: &str| Turn { content: content.into(), sender: Sender::User };
    let with = |content: &'static str| move |job: &mut AuditedJob| job.question.history = vec![turn(content)];
    for (history, hits) in [
        ("same", [false, true, false]),
        ("ignore", [true, true, true]),
        ("require-empty", [false, false, false]),
    ] {
        let mut cache = cache(&format!("semantic:0.9,history={history}"));
        cache.store(&job(0, 1, 0.0, with("a")));
        let found = [job(2, 3, 0.0, same), job(2, 3, 0.0, with("a")), job(2, 3, 0.0, with("b"))]
            .map(|job| found(&mut cache, &job).is_some());
        assert_eq!(found, hits, "{history}");
    }
    let mut cache = cache("semantic:0.9,history=require-empty");
    cache.store(&job(0, 1, 0.0, same));
    assert!(found(&mut cache, &job(2, 3, 0.0, same)).is_some());
    assert!(matches!(cache.look_up(&job(2, 3, 0.0, with("a")), &fleet()), LookupResult::NotLookedUp));
}
