"""A test case with a folder of its own."""

import os
import tempfile
import unittest


class FolderTestCase(unittest.TestCase):
    """Each test has an empty folder, which is gone after it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="limn_test_")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        """A file of that name in the folder, which need not exist; folders on the way to it are made."""
        path = os.path.join(self.folder, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, content):
        """The path of a new file with these bytes, or this text in UTF-8."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def files(self, folder="."):
        return sorted(os.listdir(os.path.join(self.folder, folder)))
