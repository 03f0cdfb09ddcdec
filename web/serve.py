"""Serves the page on this computer, with the headers that a host of it should send.

    python3 web/serve.py SITE [--port 8000] [--open] [--plain]

--plain sends none of them, as a host does that one cannot tell to: the page then has its service worker add them.
"""

import argparse
import functools
import http.server
import webbrowser

# What lets a page have threads that share memory (https://web.dev/articles/coop-coep), and a policy by which the page
# and its workers reach nothing but this host. index.html has the policy too, but workers do not inherit that one.
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; manifest-src 'self'; "
    "form-action 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Handler(http.server.SimpleHTTPRequestHandler):
    # Not what the system's own lists say.
    extensions_map = {
        ".css": "text/css",
        ".html": "text/html; charset=utf-8",
        ".jpg": "image/jpeg",
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".json": "application/json",
        ".md": "text/plain; charset=utf-8",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        "": "application/octet-stream",
    }
    protocol_version = "HTTP/1.1"
    headers_sent = HEADERS

    def end_headers(self):
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        # Looked for anew each time: the files are there to be changed.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format, *args):  # noqa: A002 - the name that it has there
        pass


class PlainHandler(Handler):
    headers_sent = {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", metavar="SITE")
    parser.add_argument("--port", type=int, default=8000, help="0 takes one that is free (default: 8000)")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.add_argument("--plain", action="store_true", help="send none of the headers")
    options = parser.parse_args()
    handler = functools.partial(PlainHandler if options.plain else Handler, directory=options.site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", options.port), handler) as server:
        address = f"http://localhost:{server.server_address[1]}/"
        print(f"limn: {address}", flush=True)
        if options.open:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
