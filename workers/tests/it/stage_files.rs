//! The files outside the code that name every stage: their parts between `stages: begin` and `stages: end` are written
//! from the pipeline. `UPDATE_STAGES=1 cargo nextest run --release --workspace -E 'test(name_every_stage)'` writes them.

use std::{fs, path::Path};

use hoidap_stages::pipeline::{PipelineStage, pipeline};

/// One generated part of a file.
struct GeneratedPart {
    file: &'static str,
    /// The name behind `stages: begin`.
    name: &'static str,
    /// What stands there for a stage.
    line: fn(&PipelineStage) -> String,
}

const PARTS: [GeneratedPart; 6] = [
    GeneratedPart { file: "nats/accounts.conf", name: "users", line: nats_user },
    GeneratedPart { file: "compose.yaml", name: "passwords", line: compose_password },
    GeneratedPart { file: "compose.yaml", name: "services", line: compose_service },
    GeneratedPart { file: ".env.example", name: "passwords", line: env_password },
    GeneratedPart { file: "local/dev/ports.py", name: "names", line: python_name },
    GeneratedPart { file: "gateway/web/src/replay/types.ts", name: "names", line: typescript_name },
];

fn nats_user(stage: &PipelineStage) -> String {
    let (name, upper) = (stage.name, stage.name.to_uppercase());
    let next = stage.next.map(|next| format!("\n            \"hoidap.jobs.{next}\"")).unwrap_or_default();
    format!(
        r#"      {{
        user: {name}
        password: $NATS_PASSWORD_{upper}
        permissions {{
          publish: [{next}
            "hoidap.jobs.done"
            "hoidap.answers.*"
            "hoidap.replies.*"
            "hoidap.tokens.*"
            "hoidap.dead.{name}"
            "hoidap.events.chat.*"
            "hoidap.events.chat.*.*"
            "hoidap.tries.{name}.*"
            "hoidap.canary.{name}.>"
            "$KV.hoidap_fleet.{name}.*"
            "$JS.API.STREAM.INFO.*"
            "$JS.API.DIRECT.GET.HOIDAP_ANSWERS.hoidap.answers.*"
            "$JS.API.DIRECT.GET.HOIDAP_EVENTS.hoidap.events.chat.>"
            "$JS.API.DIRECT.GET.HOIDAP_TRIES.hoidap.tries.{name}.*"
            "$JS.API.DIRECT.GET.HOIDAP_JOBS"
            "$JS.API.CONSUMER.INFO.HOIDAP_JOBS.{name}"
            "$JS.API.CONSUMER.CREATE.HOIDAP_JOBS.{name}.hoidap.jobs.{name}"
            "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_JOBS.{name}"
            "$JS.ACK.HOIDAP_JOBS.{name}.>"
            "$JS.API.CONSUMER.CREATE.HOIDAP_ADVISORIES.{name}"
            "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_ADVISORIES.{name}"
            "$JS.ACK.HOIDAP_ADVISORIES.{name}.>"
          ]
          subscribe: ["_INBOX_{name}.>", "hoidap.stops.*", "hoidap.canary.{name}.>"]
        }}
      }}
"#
    )
}

fn compose_password(stage: &PipelineStage) -> String {
    let upper = stage.name.to_uppercase();
    format!("      NATS_PASSWORD_{upper}: ${{NATS_PASSWORD_{upper}:?set NATS_PASSWORD_{upper} in .env}}\n")
}

fn compose_service(stage: &PipelineStage) -> String {
    let (name, upper) = (stage.name, stage.name.to_uppercase());
    let providers = if stage.next.is_none() { COMPOSE_PROVIDERS } else { "" };
    format!(
        r#"  {name}:
    <<: *stage
    command: [hoidap-worker, run, {name}]
    environment:
      <<: *settings
      HOIDAP_WORKER__LISTEN: 0.0.0.0:9100
      HOIDAP_NATS__USER: {name}
      HOIDAP_NATS__PASSWORD: ${{NATS_PASSWORD_{upper}:?set NATS_PASSWORD_{upper} in .env}}
{providers}    deploy: {{ replicas: "${{{upper}_REPLICAS:-1}}" }}

"#
    )
}

/// Settings of the stage that answers.
const COMPOSE_PROVIDERS: &str =
    "      # Passed on when they are set: the keys that providers of hoidap.toml name by api_key_env.
      OPENAI_API_KEY:
      GEMINI_API_KEY:
      ANTHROPIC_API_KEY:
    # The name by which a provider's base_url reaches a model server on this host.
    extra_hosts: [\"host.docker.internal:host-gateway\"]
";

fn env_password(stage: &PipelineStage) -> String {
    format!("NATS_PASSWORD_{}=\n", stage.name.to_uppercase())
}

fn typescript_name(stage: &PipelineStage) -> String {
    format!("  '{}',\n", stage.name)
}

fn python_name(stage: &PipelineStage) -> String {
    format!("    \"{}\",\n", stage.name)
}

#[test]
fn the_files_of_the_fleet_name_every_stage() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for GeneratedPart { file, name, line } in PARTS {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let (begin, end) = (format!(" stages: begin {name}\n"), format!(" stages: end {name}\n"));
        let from =
            text.find(&begin).unwrap_or_else(|| panic!("{file} lacks the line `{begin}`")) + begin.len();
        let end = text.find(&end).unwrap_or_else(|| panic!("{file} lacks the line `{end}`"));
        // The line of the end mark stays as it is.
        let to = text[..end].rfind('\n').unwrap() + 1;
        let wanted: String = pipeline().iter().map(line).collect();
        if std::env::var_os("UPDATE_STAGES").is_some() {
            fs::write(root.join(file), format!("{}{wanted}{}", &text[..from], &text[to..])).unwrap();
        } else {
            assert_eq!(text[from..to], wanted, "{file} does not name the stages: run with UPDATE_STAGES=1");
        }
    }
}
