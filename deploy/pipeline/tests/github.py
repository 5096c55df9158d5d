"""The few calls of GitHub's API that deploy/pipeline makes, kept in memory: for stories.sh.

Prints its address, then a line for each change.
"""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer

REPOSITORY = "/repos/corp/mapping/"
MOST = 65_536  # characters in a comment
comments, labels = [], []


class GitHub(BaseHTTPRequestHandler):
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do(self):
        sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        path = self.path.split("?")[0].removeprefix(REPOSITORY)
        if self.headers["Authorization"] != "Bearer t0ken" or path == self.path.split("?")[0]:
            return self.answer(404, {"message": "Not Found"})
        if self.command == "GET":
            return self.answer(200, comments if path.endswith("comments") else [{"name": name} for name in labels])
        told = "-"
        if path.endswith("comments") or self.command == "PATCH":
            if len(sent["body"]) > MOST:
                return self.answer(422, {"message": "Validation Failed", "errors": ["body is too long"]})
            told = "Deployment needed" if "Deployment needed" in sent["body"] else "Hot" if "Hot" in sent["body"] else "?"
            if self.command == "POST":
                comments.append({"id": len(comments) + 1, "user": {"type": "Bot"}, "body": sent["body"]})
        elif self.command == "POST":
            labels.extend(sent["labels"])
            told = ", ".join(sent["labels"])
        else:
            labels.remove(path.rsplit("/", 1)[1])
        print(f"{self.command} {path}: {told}", flush=True)
        self.answer(200, {})

    do_GET = do_POST = do_PATCH = do_DELETE = do

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), GitHub)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
