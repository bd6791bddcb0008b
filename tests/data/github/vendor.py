"""Writes the payloads of this directory from the unpacked npm package: `python vendor.py path/to/package`."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
SKIPPED = {  # kinds that differ from another one in nothing but a name
    "deploy_key",
    "github_app_authorization",
    "merge_group",
    "meta",
    "org_block",
    "page_build",
    "project",
    "project_card",
    "project_column",
    "projects_v2_item",
    "public",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "repository_import",
    "repository_vulnerability_alert",
    "team_add",
}
LARGEST = [("issues", "opened"), ("pull_request", "synchronize"), ("workflow_job", "queued")]


def compact(payload: object) -> str:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def main(package: Path) -> None:
    index = json.loads((package / "api.github.com" / "index.json").read_text(encoding="utf-8"))
    examples = {kind["name"]: kind["examples"] for kind in index}
    chosen = {f"{name}.{each[0].get('action', 1)}": each[0] for name, each in examples.items() if name not in SKIPPED}
    for name, action in LARGEST:
        same = [each for each in examples[name] if each["action"] == action]
        chosen[f"{name}.{action}"] = max(same, key=lambda each: len(compact(each)))
    chosen["push.2"] = examples["push"][-1]
    for name, payload in chosen.items():
        (HERE / f"{name}.json").write_text(compact(payload) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
