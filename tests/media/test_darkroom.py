"""Whatever comes, the phone gets a valid picture, upright, small and without its place, or a person gets a sentence."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.domain.media import show_size
from bot.media.darkroom import Piece, RefusedError, Stiffness, look, make
from bot.media.metadata import strip_film, strip_gif, strip_jpeg, strip_png
from tests.media.corpus import (
    COLOURS,
    CORPUS,
    SECRET,
    chunk,
    draw,
    exif,
    frames,
    gif,
    jpeg,
    png,
    png16,
    profile,
    save,
    tiff,
    webp,
)

MEGABYTE = 1024 * 1024
FILES = {name: drawn() for name, drawn in CORPUS.items()}
LARGE = (800, 600)
TOLD = (
    SECRET,
    b"Exif",
    b"GPS",
    b"xmp",
    b"XMP",
    b"adobe:ns",
    b"8BIM",
    b"Photoshop",
    b"MPF",
    b"eXIf",
    b"tEXt",
    b"zTXt",
    b"iTXt",
)
OF_SHADES = {"tiff float", "tiff black and white"}  # their greys are others than the quarters'


def reopened(piece: Piece) -> Image.Image:
    """The picture as a phone would open it."""
    picture = Image.open(io.BytesIO(piece.content))
    picture.load()
    assert picture.get_format_mimetype() in {piece.kind, "image/apng"}
    return picture


def corners(picture: Image.Image) -> list[tuple[int, ...]]:
    """The middle of each quarter."""
    across, down = picture.width // 4, picture.height // 4
    places = [(across, down), (across * 3, down), (across, down * 3), (across * 3, down * 3)]
    if picture.mode.startswith("I;16"):
        return [(int(picture.getpixel(place) / 257),) * 3 for place in places]  # type: ignore[operator]  # one band
    plain = picture.convert("RGBA").convert("RGB")
    return [plain.getpixel(place) for place in places]  # type: ignore[misc]  # three bands


def is_upright(picture: Image.Image) -> bool:
    greys = [(grey,) * 3 for grey in Image.frombytes("RGB", (4, 1), bytes(sum(COLOURS, ()))).convert("L").tobytes()]
    wanted = greys if picture.mode in {"L", "I;16"} else COLOURS
    return all(
        abs(band - other) < 48
        for found, colour in zip(corners(picture), wanted, strict=True)
        for band, other in zip(found, colour, strict=True)
    )


def told(content: bytes) -> list[bytes]:
    """What of the metadata is still in it."""
    return [sign for sign in TOLD if sign in content]


def refusal(content: bytes, target: int = MEGABYTE) -> str:
    with pytest.raises(RefusedError) as caught:
        make(content, target)
    return str(caught.value)


def outcome(content: bytes, target: int) -> tuple[str, bytes]:
    """The words, and the bytes of a valid picture, or none; two damaged bytes can make a picture a recording."""
    try:
        piece = make(content, target)
    except RefusedError as exc:
        return str(exc), b""
    if piece.kind.startswith("image/"):
        reopened(piece)
    return piece.said, piece.content


@pytest.mark.parametrize("name", sorted(FILES.keys() - OF_SHADES))
def test_what_fits_arrives_upright_and_silent(name: str):
    piece = make(FILES[name], MEGABYTE)

    picture = reopened(piece)
    assert picture.size == (160, 120)
    assert is_upright(picture)
    assert told(piece.content) == []
    assert picture.getexif() == {}


@pytest.mark.parametrize("name", sorted(OF_SHADES))
def test_what_has_other_shades_arrives_as_a_picture(name: str):
    piece = make(FILES[name], MEGABYTE)

    assert reopened(piece).size == (160, 120)
    assert told(piece.content) == []


@pytest.mark.parametrize("name", sorted(name for name in FILES if name != "heic"))
def test_the_corpus_holds_what_must_vanish(name: str):
    """The tests above would see it stay."""
    assert SECRET in FILES[name]


LARGE_FILES = {
    "jpeg": lambda: jpeg(draw(LARGE, noise=0.3)),
    "jpeg 6": lambda: jpeg(draw(LARGE, noise=0.3), turn=6),
    "jpeg cmyk": lambda: jpeg(draw(LARGE, noise=0.3, mode="CMYK")),
    "jpeg progressive": lambda: jpeg(draw(LARGE, noise=0.3), progressive=True),
    "png": lambda: png(draw(LARGE, noise=0.3)),
    "png 16 bit": lambda: png16((200, 150), noise=255),
    "gif": lambda: gif([draw((240, 180), noise=0.3)]),
    "gif animated": lambda: gif(frames((200, 150), noise=0.3)),
    "webp": lambda: webp([draw(LARGE, noise=0.3)], lossless=True, method=0, quality=0),
    "tiff": lambda: tiff(draw(LARGE, noise=0.3)),
    "tiff 6": lambda: tiff(draw(LARGE, noise=0.3), turn=6),
}


@pytest.mark.parametrize("name", LARGE_FILES)
def test_what_is_too_large_shrinks_below_the_limit(name: str):
    large = LARGE_FILES[name]()
    target = min(60 * 1024, len(large) // 2)

    piece = make(large, target)

    assert len(piece.content) <= target
    assert piece.kind == "image/jpeg"
    picture = reopened(piece)
    assert abs(picture.width * 3 - picture.height * 4) <= 3
    assert is_upright(picture)
    assert told(piece.content) == []


def test_a_jpeg_that_fits_keeps_its_pixels():
    """Byte for byte: its tables and its scans, and the profile that says what its colours mean."""
    content = jpeg(draw(LARGE, noise=0.1), progressive=True)

    piece = make(content, MEGABYTE)

    before = Image.open(io.BytesIO(content))
    scans = content[content.index(b"\xff\xda\0") : content.rindex(b"\xff\xd9")]
    assert piece.content.endswith(scans + b"\xff\xd9")
    assert reopened(piece).tobytes() == before.tobytes()
    assert reopened(piece).info["icc_profile"] == profile()
    assert piece.said == ""


def test_a_png_that_fits_keeps_its_pixels():
    content = png(draw(mode="RGBA"), icc_profile=profile())

    piece = make(content, MEGABYTE)

    assert content[content.index(b"IDAT") : content.index(b"IEND")] in piece.content
    assert reopened(piece).info["icc_profile"] == profile()
    assert (piece.kind, piece.said) == ("image/png", "")


@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_an_animation_that_fits_goes_on_moving(form: str):
    drawn = frames()
    content = gif(drawn) if form == "GIF" else save(drawn[0], form, save_all=True, append_images=drawn[1:], exif=exif())

    piece = make(content, MEGABYTE)

    before, after = Image.open(io.BytesIO(content)), reopened(piece)
    assert after.n_frames == len(drawn)  # type: ignore[attr-defined]  # an animation
    for frame in range(len(drawn)):
        before.seek(frame)
        after.seek(frame)
        assert after.tobytes() == before.tobytes()
    assert after.info["loop"] == before.info["loop"]
    assert look(content).stiffness == Stiffness.ANIMATION
    assert (told(piece.content), piece.said) == ([], "")


@pytest.mark.parametrize(
    ("content", "target", "said"),
    [
        (FILES["heic"], MEGABYTE, "HEIC photo sent as JPEG"),
        (FILES["webp"], MEGABYTE, "WebP picture sent as JPEG"),
        (FILES["tiff"], MEGABYTE, "TIFF picture sent as JPEG"),
        (FILES["jpeg 6"], MEGABYTE, ""),
        (FILES["gif animated"], 2000, "animation sent as a still picture: it was too large"),
        (FILES["webp animated"], MEGABYTE, "animation sent as a still picture: phones do not play WebP"),
        (
            save(draw(), "TIFF", save_all=True, append_images=[draw(), draw()]),
            MEGABYTE,
            "the first of its 3 pages sent as a picture",
        ),
    ],
)
def test_people_read_what_was_done(content: bytes, target: int, said: str):
    assert make(content, target).said == said


def test_people_read_what_became_of_a_large_photo():
    content = jpeg(draw((1000, 750), noise=0.5))

    piece = make(content, 128 * 1024)

    assert piece.said == f"{show_size(len(content))} photo sent as {show_size(len(piece.content))}"


def test_a_transparent_png_stays_one_while_it_fits_smaller():
    picture = draw((400, 300), noise=0.2, mode="RGBA")
    picture.putalpha(picture.getchannel("R"))
    content = png(picture)

    piece = make(content, len(content) * 2 // 3)

    assert piece.kind == "image/png"
    assert reopened(piece).mode == "RGBA"
    assert told(piece.content) == []


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_what_is_transparent_becomes_white(form: str):
    picture = draw((600, 400), noise=0.5, mode="RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 300, 200))
    content = save(picture, form)

    piece = make(content, 20_000)

    assert piece.kind == "image/jpeg"
    assert min(corners(reopened(piece))[0]) > 250


def test_no_picture_is_made_anew_with_more_pixels_than_phones_show():
    piece = make(save(draw((4000, 300), mode="L"), "TIFF"), MEGABYTE)

    assert reopened(piece).size == (3000, 225)


def test_a_wide_photo_keeps_its_height():
    """A JPEG may be decoded at a half or a quarter of its sides; never below what is wanted of it."""
    piece = make(jpeg(draw((7000, 700)), turn=3), MEGABYTE)

    assert reopened(piece).size == (3000, 300)


def test_colours_of_printers_become_those_of_screens():
    """A large profile is used and left out, a small one stays."""
    content = save(draw(), "TIFF", icc_profile=profile() + bytes(20_000))

    piece = make(content, MEGABYTE)

    assert "icc_profile" not in reopened(piece).info
    assert is_upright(reopened(piece))


def test_broken_exif_does_not_cost_a_whole_photo():
    content = jpeg(draw(), exif=b"Exif\0\0" + b"MM\0*" + bytes(range(200)))

    piece = make(content, MEGABYTE)

    assert is_upright(reopened(piece))
    assert told(piece.content) == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_off_is_refused_in_words(name: str):
    content = FILES[name]

    assert refusal(content[: len(content) // 2]) == "it is damaged or cut off: open it, save it anew and share that"


@given(name=st.sampled_from(sorted(FILES)), data=st.data(), target=st.sampled_from([1500, 20_000]))
@settings(max_examples=250, deadline=None)
def test_a_damaged_file_gives_a_valid_picture_or_a_sentence(name: str, data: st.DataObject, target: int):
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(content) // 2, len(content)))

    said, small = outcome(bytes(content[:cut]), target)

    assert len(small) <= target
    assert small or ": " in said  # what is wrong, and what would work


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty: share it again"),
        (b"<!DOCTYPE html><html><body>Sign in", "it is a web page: share the file itself, or a link"),
        (b"PK\x03\x04" + bytes(400), "phones do not take a file of this kind"),
        (b"\0\0\0\x20ftypavif\0\0\0\0mif1miaf" + bytes(400), "phones do not take a file of this kind (image/avif)"),
        (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01webm" + bytes(400), "phones do not take a file of this kind"),
        (b"hello " * 100, "phones do not take a file of this kind"),
        (b"\xff\xfb\xff\xed\0\x2dPhotoshop" + bytes(400), "phones do not take a file of this kind"),  # a JPEG once
        (b"\x89PNG\r\n\x1a\n<html>" + bytes(400), "it is damaged or cut off"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"no picture" * 40, "it is damaged or cut off"),
        (b"GIF89a" + b"no picture" * 40, "it is damaged or cut off"),
        (b"%PDF-1.7\n" + b"no end" * 40, "it is damaged or cut off"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna", "it is damaged or cut off"),
        (b"RIFF\xff\xff\0\0WAVEfmt " + bytes(100), "it is damaged or cut off"),
    ],
)
def test_what_phones_do_not_take_is_refused_in_words(content: bytes, words: str):
    said = refusal(content)

    assert said.startswith(words)
    assert ": " in said


def png_of(width: int, height: int) -> bytes:
    head = chunk(b"IHDR", struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "bomb",
    [
        png_of(10_001, 10_000),
        png_of(50_000, 50_000),
        b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + gif([draw()])[10:],
        save(Image.new("1", (12_000, 12_000)), "TIFF", compression="group4"),
    ],
    ids=["just too many", "PNG", "GIF", "TIFF"],
)
def test_a_bomb_is_refused_before_it_is_opened(bomb: bytes):
    assert refusal(bomb) == "it has more than the 100 million pixels that I open: save it smaller and share that"


def test_a_picture_for_which_no_room_is_left_is_refused():
    assert refusal(jpeg(draw(LARGE, noise=0.5)), 3000).startswith("there is no room left for it: send fewer files")


def atom(name: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return struct.pack(">I", len(body) + 8) + name + body


KEY = b"com.apple.quicktime.location.ISO6709"
KEYS = atom(b"keys", bytes(4), struct.pack(">I", 2), atom(b"mdta", b"com.apple.quicktime.make"), atom(b"mdta", KEY))
HANDLER = atom(b"hdlr", bytes(8), b"mdta", bytes(13))
FTYP = atom(b"ftyp", b"isom", bytes(4), b"isommp42")
MDAT = atom(b"mdat", bytes(range(256)) * 4)


def film(*user: bytes, head: bytes = FTYP) -> bytes:
    return head + atom(b"moov", atom(b"mvhd", bytes(100)), atom(b"trak", atom(b"tkhd", bytes(84))), *user) + MDAT


def value(text: bytes) -> bytes:
    return atom(b"data", struct.pack(">II", 1, 0), text)


ILST = atom(b"ilst", atom(struct.pack(">I", 1), value(b"Apple")), atom(struct.pack(">I", 2), value(SECRET)))
PLACED = {
    "MP4 of Android": film(atom(b"udta", atom(b"\xa9xyz", b"\0\x10\x15\xc7", SECRET))),
    "3GP": film(atom(b"udta", atom(b"loci", bytes(6), SECRET, bytes(15))), head=atom(b"ftyp", b"3gp5", bytes(8))),
    "MOV of an iPhone": film(atom(b"meta", HANDLER, KEYS, ILST), head=atom(b"ftyp", b"qt  ", bytes(4), b"qt  ")),
    "MP4 with keys": film(atom(b"udta", atom(b"meta", bytes(4), HANDLER, KEYS, ILST), bytes(4))),
    "MP4 with tags": film(
        atom(b"udta", atom(b"meta", bytes(4), HANDLER, atom(b"ilst", atom(b"\xa9xyz", value(SECRET)))))
    ),
    "track": film(atom(b"trak", atom(b"udta", atom(b"\xa9xyz", SECRET)))),
    "XMP": film() + atom(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), b"<exif:GPSLatitude>", SECRET),
    "MOV without a head": atom(b"wide") + MDAT + atom(b"moov", atom(b"udta", atom(b"\xa9xyz", SECRET))),
}


@pytest.mark.parametrize("name", PLACED)
def test_a_video_loses_its_place_and_nothing_moves(name: str):
    content = PLACED[name]

    piece = make(content, MEGABYTE)

    assert SECRET not in piece.content
    assert KEY not in piece.content
    assert len(piece.content) == len(content)
    assert piece.content.index(MDAT) == content.index(MDAT)
    assert piece.said == ""


def test_a_video_keeps_all_but_its_place():
    """What is taken out is an atom that every player passes over."""
    content = film(atom(b"udta", atom(b"\xa9nam", b"Garden"), atom(b"\xa9xyz", SECRET)))

    piece = make(content, MEGABYTE)

    assert piece.content == film(atom(b"udta", atom(b"\xa9nam", b"Garden"), atom(b"free", bytes(len(SECRET)))))


@pytest.mark.parametrize(
    "content",
    [
        film(
            atom(b"trak", atom(b"mdia", atom(b"minf", atom(b"stbl", atom(b"stsd", bytes(8), atom(b"gpmd", bytes(8)))))))
        ),
        film(atom(b"udta", b"\0\0\xff\xff\xa9xyz" + SECRET)),
        film(atom(b"udta", atom(b"GPMF", SECRET))),
    ],
    ids=["track of positions", "unreadable", "of an action camera"],
)
def test_people_read_that_a_place_stays(content: bytes):
    piece = make(content, MEGABYTE)

    assert piece == Piece(content, "video/mp4", "the place where it was recorded stays in the video")


@pytest.mark.parametrize("content", [film()[:-10], FTYP + MDAT, FTYP], ids=["cut off", "without moov", "head alone"])
def test_a_video_that_is_cut_off_is_refused(content: bytes):
    assert refusal(content).startswith("it is damaged or cut off")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (film(head=atom(b"ftyp", b"M4A ", bytes(8))), "audio/mp4"),
        (b"#!AMR\n" + bytes(500), "audio/amr"),
        (b"ID3\x03" + bytes(500), "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + bytes(500), "audio/mpeg"),
        (b"OggS\0\x02" + bytes(500), "audio/ogg"),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(28), "audio/wav"),
        (b"%PDF-1.7\n" + bytes(300) + b"%%EOF\n", "application/pdf"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nEND:VCARD\r\n", "text/vcard"),
    ],
)
def test_what_is_no_picture_passes_as_it_is(content: bytes, kind: str):
    assert make(content, MEGABYTE) == Piece(content, kind, "")
    assert look(content).stiffness == Stiffness.FIXED


@given(st.sampled_from([*PLACED.values(), *FILES.values(), b""]), st.binary(max_size=40), st.integers(0, 3000))
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_what_strips_them(content: bytes, wrong: bytes, at: int):
    """Of a film nothing ever gets longer or shorter; a GIF without the mark of its end gets that one byte."""
    broken = content[:at] + wrong + content[at + len(wrong) :]

    stripped = strip_film(broken)

    assert stripped is None or len(stripped[0]) == len(broken)
    assert all(len(strip(broken) or b"") <= len(broken) for strip in (strip_jpeg, strip_png))
    assert len(strip_gif(broken) or b"") <= len(broken) + 1


@pytest.mark.parametrize("length", range(4, 12))
def test_a_recording_that_ends_in_its_head_is_refused(length: int):
    """The worker answers; it does not end, which would be tried again for an hour."""
    with pytest.raises(RefusedError, match=r"damaged|do not take"):
        make(b"RIFF\0\0\0\0WAVE"[:length], 1000)


def test_a_picture_is_made_as_small_as_it_may_be_before_it_is_refused():
    """Also where the next step would be a little too small."""
    grain = Image.effect_noise((400, 400), 64).convert("RGB")
    file = io.BytesIO()
    grain.save(file, "PNG")

    small = make(file.getvalue(), 60_000).content
    with Image.open(io.BytesIO(small)) as shown:
        assert (len(small) <= 60_000, max(shown.size)) == (True, 320)
