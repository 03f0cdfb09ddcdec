"""What the tests of the limn program need: running it, and small picture files written and read without libraries."""

import os
import struct
import subprocess
import sys
import time
import zlib

from folder_test_case import FolderTestCase

ROOT = os.environ.get(
    "LIMN_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
PROGRAM = os.environ.get("LIMN_PROGRAM")
MODEL = os.path.join(ROOT, "weights", "pose_resnet18_mpii16_256x192.int8.safetensors")  # the default
FLOAT_MODEL = os.path.join(ROOT, "weights", "pose_resnet18_mpii16_256x192.safetensors")  # what that was made of
PHOTO = os.path.join(ROOT, "examples", "photos", "photographer.png")
FIVE_PEOPLE = os.path.join(ROOT, "examples", "photos", "five_people.jpg")
SMALL_PERSON = os.path.join(ROOT, "examples", "photos", "person_dog_horse.jpg")
JPEG_PHOTO = os.path.join(ROOT, "examples", "photos", "grace_hopper.jpg")
SHARED = os.path.join(os.path.dirname(ROOT), "shared")


STALL_NUMBER = 99
STALL = f"/dev/fd/{STALL_NUMBER}"  # a photo that does not come, see stalled()


def skip_without_program():
    """Ends the script as skipped where there is nothing to test."""
    if not PROGRAM:
        print("skipped: the environment variable LIMN_PROGRAM does not name the program (ctest sets it)")
        sys.exit(77)


def surroundings():
    """The environment variables, without those that name the default model and detector."""
    return {key: value for key, value in os.environ.items() if key not in ("LIMN_MODEL", "LIMN_DETECTOR")}


def wait_until(condition, otherwise):
    """Raises AssertionError, which says otherwise, after a minute."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"{otherwise} after a minute")


class ProgramTest(FolderTestCase):
    """The test's folder is the working directory of the program."""

    def limn(self, *arguments, status=0, environment=None):
        """Runs the program, checks its exit status and that it says why it failed. Returns (stdout, stderr)."""
        variables = {**surroundings(), **(environment or {})}
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
        self.assertEqual(done.returncode, status, f"limn {' '.join(arguments)}\n{out}\n{err}")
        for line in err.splitlines():
            self.assertTrue(line.startswith("limn: "), err)
        if status == 0:
            self.assertEqual(err, "")
        else:
            self.assertNotEqual(err, "")
        return out, err

    def stalled(self, *arguments, **options):
        """Starts the program, which waits for the bytes of the photo STALL: a Stalled."""
        return Stalled(arguments, self.folder, **options)

    def wait_for(self, name, text=b""):
        """Until there is such a file with this in it."""
        wait_until(lambda: os.path.exists(self.path(name)) and text in self.read(name), f"no {name} with {text}")

    def fails(self, status, *arguments, says=(), environment=None):
        """The program refuses to work with one line, which holds these texts."""
        out, err = self.limn(*arguments, status=status, environment=environment)
        self.assertEqual(err.count("\n"), 1, err)
        for text in says:
            self.assertIn(text, err)
        return out, err


class Stalled(subprocess.Popen):
    """A running program that reads one of its photos from a pipe."""

    def __init__(self, arguments, folder, **options):
        end, self.photo = os.pipe()
        os.dup2(end, STALL_NUMBER)
        os.close(end)
        settings = {"cwd": folder, "env": surroundings(), "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        settings["stderr"] = subprocess.PIPE
        super().__init__([PROGRAM, *arguments], pass_fds=[STALL_NUMBER], **{**settings, **options})
        os.close(STALL_NUMBER)

    def wait_until_read(self):
        """Until the program has come to the photo: the pipe is then open a second time in it."""
        descriptors = f"/proc/{self.pid}/fd"
        if not os.path.exists(descriptors):
            time.sleep(0.5)  # nothing here says
            return
        pipe = os.readlink(f"/proc/self/fd/{self.photo}")

        def is_read():
            if self.poll() is not None:
                raise AssertionError(f"ended with {self.returncode} before it read {STALL}")
            return self._times_open(descriptors, pipe) > 1

        wait_until(is_read, f"{STALL} is not read")

    @staticmethod
    def _times_open(descriptors, pipe):
        count = 0
        for descriptor in os.listdir(descriptors):
            try:
                count += os.readlink(f"{descriptors}/{descriptor}") == pipe
            except FileNotFoundError:  # closed meanwhile
                pass
        return count

    def feed(self, photo=b""):
        """Lets the photo come."""
        os.write(self.photo, photo)
        os.close(self.photo)
        self.photo = None

    def __exit__(self, *arguments):
        if self.photo is not None:
            os.close(self.photo)
        super().__exit__(*arguments)


# ---- Pictures --------------------------------------------------------------------------------------------------------

CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # PNG's colour types: grey, RGB, grey and alpha, RGBA


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, color_type, depth, samples):
    """PNG file; `samples` are the numbers of all pixels, row by row."""
    row = width * CHANNELS[color_type]
    pattern = f">{row}{'B' if depth == 8 else 'H'}"
    rows = [b"\0" + struct.pack(pattern, *samples[y * row : (y + 1) * row]) for y in range(height)]
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + png_chunk(b"IEND", b"")
    )


def bmp(width, height, rgb):
    """24-bit BMP, rows from the bottom up and padded to 4 bytes."""
    rows = []
    for y in reversed(range(height)):
        row = bytearray()
        for x in range(width):
            r, g, b = rgb[3 * (y * width + x) : 3 * (y * width + x) + 3]
            row += bytes((b, g, r))
        rows.append(bytes(row) + b"\0" * (-len(row) % 4))
    data = b"".join(rows)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(data), 2835, 2835, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + len(data), 0, 0, 54) + header + data


def jpeg(colour, bits=8, adobe=None):
    """8x8 pixels of this one colour, in as many channels as it has; `adobe` is what Adobe's segment says about them."""

    def segment(marker, content):
        return bytes((0xFF, marker)) + struct.pack(">H", 2 + len(content)) + content

    count = len(colour)
    data = b"\xff\xd8"
    if adobe is not None:
        data += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((adobe,)))
    data += segment(0xDB, b"\0" + bytes((8,) * 64))  # then the first coefficient is the value, less 128
    channels = b"".join(bytes((i + 1, 0x11, 0)) for i in range(count))
    data += segment(0xC0, struct.pack(">BHHB", bits, 8, 8, count) + channels)
    data += segment(0xC4, b"\x00" + bytes((0, 0, 0, 12) + (0,) * 12) + bytes(range(12)))  # sizes, four bits each
    data += segment(0xC4, b"\x10" + bytes((1,) + (0,) * 15) + b"\0")  # "no more", one bit
    data += segment(0xDA, bytes((count,)) + b"".join(bytes((i + 1, 0)) for i in range(count)) + b"\0\x3f\0")
    code = ""
    for value in colour:
        level = value - 128
        size = abs(level).bit_length()
        code += f"{size:04b}"
        if size:
            code += f"{level if level > 0 else level + (1 << size) - 1:0{size}b}"
        code += "0"
    code += "1" * (-len(code) % 8)
    packed = bytes(int(code[i : i + 8], 2) for i in range(0, len(code), 8))
    return data + packed.replace(b"\xff", b"\xff\0") + b"\xff\xd9"


def greys(width, height, seed=0):
    """Samples of a picture on which a network finds something or other."""
    return [(7 * x + 5 * y + x * y + 11 * seed) % 256 for y in range(height) for x in range(width)]


def grey_photo(width, height, seed=0):
    return png(width, height, 0, 8, greys(width, height, seed))


def read_png(data):
    """(width, height, channels, samples) of an 8-bit PNG without interlacing."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    position, packed = 8, b""
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind, content = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", content)
            assert depth == 8 and interlaced == 0
        elif kind == b"IDAT":
            packed += content
        position += 12 + length
    channels = CHANNELS[color_type]
    rows, size = zlib.decompress(packed), width * channels
    samples, above = bytearray(), bytearray(size)
    for y in range(height):
        kind, row = rows[y * (size + 1)], bytearray(rows[y * (size + 1) + 1 : (y + 1) * (size + 1)])
        for i in range(size):
            left = row[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            if kind == 1:
                row[i] = (row[i] + left) & 255
            elif kind == 2:
                row[i] = (row[i] + above[i]) & 255
            elif kind == 3:
                row[i] = (row[i] + (left + above[i]) // 2) & 255
            elif kind == 4:
                guess = left + above[i] - corner
                nearest = min((left, above[i], corner), key=lambda value: abs(guess - value))
                row[i] = (row[i] + nearest) & 255
        samples += row
        above = row
    return width, height, channels, samples


def picture_size(data):
    """(width, height) of a PNG or JPEG file."""
    if data[:4] == b"\x89PNG":
        return struct.unpack(">II", data[16:24])
    position = 2
    while data[position + 1] not in (0xC0, 0xC1, 0xC2):
        position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    height, width = struct.unpack(">HH", data[position + 5 : position + 9])
    return width, height
