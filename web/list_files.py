"""list_files.py SITE: writes SITE/build.json, the page's files and their bytes, and marks the service worker with them.

The service worker fetches what is listed, and is another one when any file is.
"""

import hashlib
import json
import os
import re
import sys


def main():
    site = sys.argv[1]
    files = {}
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(site):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, site).replace(os.sep, "/")
            if relative == "build.json":
                continue
            with open(path, "rb") as file:
                content = file.read()
            digest.update(f"{relative}\0{len(content)}\0".encode() + content)
            if relative != "service_worker.js":  # which a browser keeps by itself
                files[relative] = len(content)
    with open(os.path.join(os.path.dirname(__file__), "../include/limn/core/version.hpp"), encoding="utf-8") as file:
        version = re.search(r'#define LIMN_VERSION "(.*)"', file.read()).group(1)

    worker = os.path.join(site, "service_worker.js")
    with open(worker, encoding="utf-8") as file:
        script = file.read()
    if "@HASH@" not in script:
        sys.exit(f"{worker}: no @HASH@ to put the files' hash in")
    with open(worker, "w", encoding="utf-8") as file:
        file.write(script.replace("@HASH@", digest.hexdigest()[:16]))
    with open(os.path.join(site, "build.json"), "w", encoding="utf-8") as file:
        json.dump({"version": version, "hash": digest.hexdigest()[:16], "files": files}, file, indent=1)


if __name__ == "__main__":
    main()
