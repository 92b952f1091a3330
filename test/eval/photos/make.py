"""Makes the reduced photographs in this folder from the unpacked Debian packages that README.md names.

usage: make.py FOLDER   (each package unpacked into FOLDER/<package> with `dpkg-deb -x`; needs Pillow)
"""
import io
import struct
import sys
import zlib
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

LOMIRI = "lomiri-wallpapers-16.04/usr/share/backgrounds/"
GCOMPRIS = "gcompris-qt-data/usr/share/gcompris-qt/rcc/"
ACTIVITIES = "/gcompris/src/activities/"

# What it becomes: where it lies, the entry inside a Qt resource file, the longer side in pixels, JPEG quality.
PHOTOS = {
    "1.jpg": (LOMIRI + "picosdeeuropa_by_Aitzol_Berasategi.jpg", None, 560, 76),
    "2.jpg": (LOMIRI + "Picture_0B_by_freespace.jpg", None, 480, 80),
    "3.jpg": (LOMIRI + "Wine_by_Jakkub_Mede.jpg", None, 600, 80),
    "4.jpg": (LOMIRI + "seeding_by_Clements_Engelhardt.jpg", None, 640, 80),
    "5.jpg": (GCOMPRIS + "explore_world_animals.rcc", ACTIVITIES + "explore_world_animals/resource/animals/lemur.webp", 520, 78),
    "6.jpg": (GCOMPRIS + "explore_monuments.rcc", ACTIVITIES + "explore_monuments/resource/france/palaisdesPapes.webp", 460, 80),
    "7.jpg": (GCOMPRIS + "explore_world_music.rcc", ACTIVITIES + "explore_world_music/resource/music/orchestra.webp", 540, 74),
    "8.jpg": (GCOMPRIS + "explore_world_music.rcc", ACTIVITIES + "explore_world_music/resource/music/america.webp", 420, 80),
}


def entries(rcc: bytes):
    """(path, content) of a Qt binary resource, https://doc.qt.io/qt-6/resources.html; zstd content is left out."""
    version, tree, data, names = struct.unpack_from(">4i", rcc, 4)
    row = 14 if version == 1 else 22

    def walk(index, at):
        name, flags = struct.unpack_from(">IH", rcc, tree + index * row)
        if index:
            length, = struct.unpack_from(">H", rcc, names + name)
            at += "/" + rcc[names + name + 6:names + name + 6 + 2 * length].decode("utf-16-be")
        if flags & 2:
            count, first = struct.unpack_from(">II", rcc, tree + index * row + 6)
            for child in range(first, first + count):
                yield from walk(child, at)
        elif not flags & 4:
            start, = struct.unpack_from(">I", rcc, tree + index * row + 10)
            size, = struct.unpack_from(">I", rcc, data + start)
            content = rcc[data + start + 4:data + start + 4 + size]
            yield at, zlib.decompress(content[4:]) if flags & 1 else content

    yield from walk(0, "")


def srgb(img):
    profile = img.info.get("icc_profile")
    if not profile:
        return img.convert("RGB")
    return ImageCms.profileToProfile(img, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB")


def main(folder: Path):
    for name, (path, entry, side, quality) in PHOTOS.items():
        content = (folder / path).read_bytes()
        if entry:
            content = dict(entries(content))[entry]
        img = srgb(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
        img.thumbnail((side, side), Image.LANCZOS)
        img.info.clear()  # no camera, place or author's device in the copy
        img.save(Path(__file__).with_name(name), quality=quality, optimize=True)


main(Path(sys.argv[1]))
