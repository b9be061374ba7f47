"""The yardstick: a minimal Flask route on waitress with 8 threads."""

import importlib
import sys
from pathlib import Path

from flask import Flask, Response

BODY = Path(__file__).with_name("body.json").read_bytes()

app = Flask(__name__)


@app.get("/api/open/v3/content/image/infobymodelid")
def poll() -> Response:
    return Response(BODY, mimetype="application/json")


if __name__ == "__main__":
    importlib.import_module("waitress").serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
