"""Ask the real dashboard's API for a study, write a note, and print its answers."""
import json
import sys

import optuna
import optuna_dashboard
from optuna_dashboard._app import create_app
from optuna_dashboard._storage_url import get_storage

storage = get_storage("sqlite:///" + sys.argv[1])
app = create_app(storage)


def get(path):
    out = {}

    def start(status, headers, exc_info=None):
        out["status"] = status

    body = b"".join(app({
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "after=0", "SERVER_NAME": "x",
        "SERVER_PORT": "80", "wsgi.input": sys.stdin.buffer, "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http",
        "HTTP_CONTENT_TYPE": "application/json"}, start))
    assert out["status"].startswith("200"), (path, out["status"], body[:500])
    return json.loads(body)


study = optuna.load_study(study_name=sys.argv[2], storage=storage)
optuna_dashboard.save_note(study, "written by the dashboard")
summaries = get("/api/studies")["study_summaries"]
detail = get("/api/studies/%d" % study._study_id)
print(json.dumps({
    "names": [s["study_name"] for s in summaries],
    "trials": [[t["number"], t["state"]] for t in detail["trials"]],
    "params": sorted({p["name"] for t in detail["trials"] for p in t["params"]}),
    "note": optuna_dashboard.get_note(study),
}))
