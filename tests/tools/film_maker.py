"""Films for tests and benchmarks, made by ffmpeg of the sample photos: what moves in them, and how, is known."""

import json
import shutil
import subprocess


def have_ffmpeg():
    return shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None


def ffmpeg(*arguments):
    """Runs ffmpeg; a failure is an AssertionError with what it says."""
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")


def probe(path, entries, *arguments):
    """What ffprobe says of a film, as JSON: probe(path, "stream=width,height")."""
    command = ["ffprobe", "-loglevel", "error", "-of", "json", "-show_entries", entries, *arguments, path]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def frame_times(path):
    frames = probe(path, "frame=pts_time", "-select_streams", "v:0")["frames"]
    return [float(frame["pts_time"]) for frame in frames]


def video_stream(path):
    return probe(path, "stream=codec_name,width,height,nb_read_frames,duration", "-select_streams", "v:0", "-count_frames")[
        "streams"
    ][0]


def of_photo(photo, path, seconds=1, rate=25, filters="null", sound=False, more=()):
    """A film of one photo, moved by ffmpeg's filters: crop=iw-80:ih-20:20*t:5*t pans."""
    arguments = ["-loop", 1, "-framerate", rate, "-i", photo]
    if sound:
        arguments += ["-f", "lavfi", "-i", f"sine=440:duration={seconds}"]
    arguments += ["-t", seconds, "-vf", filters, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "16"]
    ffmpeg(*arguments, *more, path)


def on_grey(people, path, seconds=4, rate=25, width=960, height=480, noise=0):
    """A film of people before a grey wall, later ones in front. Each is (photo, crop "w:h:x:y", x, y, when): the left
    top corner as expressions of t, and when they are there, also one. With `noise` every frame has its own."""
    inputs, chains, last = [], [], "[wall]"
    chains.append(f"color=c=0x8a8f88:s={width}x{height}:r={rate}:d={seconds}[wall]")
    for i, (photo, crop, x, y, when) in enumerate(people):
        inputs += ["-loop", 1, "-framerate", rate, "-t", seconds, "-i", photo]
        chains.append(f"[{i}:v]crop={crop},setsar=1[p{i}]")
        chains.append(f"{last}[p{i}]overlay=x='{x}':y='{y}':enable='{when}':eval=frame:shortest=1[o{i}]")
        last = f"[o{i}]"
    if noise:
        chains.append(f"{last}noise=alls={noise}:allf=t[noisy]")
        last = "[noisy]"
    ffmpeg(*inputs, "-filter_complex", ";".join(chains), "-map", last, "-t", seconds, "-pix_fmt", "yuv420p",
           "-c:v", "libx264", "-preset", "veryfast", "-crf", "16", path)
