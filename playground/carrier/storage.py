"""The pretend CarrierX's storage: containers, the files in them, their quotas and how long they live.

Attributes and their defaults are those of the documentation's samples (docs.carrierx.com, Core API v2, storage). What
it says of neither, such as how a full container refuses a file, is in Behaviour.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import uuid4

from playground.carrier.checks import InvalidError
from playground.carrier.model import Behaviour

Attributes = dict[str, Any]
Check = Callable[[str, object], Any]

_CLASSES: Final = ("archive", "document", "executable", "media", "unknown")
_PUBLISHED: Final = ("file_sid", "file_access_name", "none")  # the word for the last is a guess
_ACTIONS: Final = ("no_action", "delete")
_SAFE: Final = re.compile(r"[^/\x00-\x1f\x7f]{1,255}")
_TYPES: Final = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".mp4": "video/mp4",
    ".3gp": "video/3gpp",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".amr": "audio/amr",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".pdf": "application/pdf",
    ".vcf": "text/vcard",
    ".txt": "text/plain",
}
_DOCUMENTS: Final = ("application/pdf", "text/vcard", "text/plain")


class FullError(Exception):
    """No room, or no more containers; which status that has is documented nowhere.

    Attributes:
        field: What is exhausted.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def _check_text(name: str, value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and _SAFE.fullmatch(value)):
        raise InvalidError(name, "must be a string")
    return value


def _check_count(name: str, value: object, *, least: int = 0) -> int:
    """A number, or one in a string as in the documentation's own PATCH."""
    number = int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value, re.ASCII) else value
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise InvalidError(name, f"must be an integer of at least {least}")
    return number


def _check_key(name: str, value: object) -> int | None:
    return None if value is None else _check_count(name, value, least=-(10**18))


def _check_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidError(name, "must be a boolean")
    return value


def _check_word(name: str, value: object, *, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        raise InvalidError(name, f"must be one of {', '.join(words)}")
    return value


def _check_classes(name: str, value: object) -> list[str]:
    if not isinstance(value, list):
        raise InvalidError(name, "must be an array")
    return [_check_word(name, each, words=_CLASSES) for each in value]


_KEYS: Final[dict[str, tuple[Any, Check]]] = {
    **{f"string_key_{n}": (None, _check_text) for n in range(1, 5)},
    **{f"integer_key_{n}": (None, _check_key) for n in range(1, 3)},
}
_LIFE: Final[dict[str, tuple[Any, Check]]] = {
    "lifecycle_action": ("no_action", partial(_check_word, words=_ACTIONS)),
    "lifecycle_ttl": (-1, partial(_check_count, least=-1)),
    "publish": ("file_sid", partial(_check_word, words=_PUBLISHED)),
    "threshold_include": (True, _check_flag),
    "unique": (False, _check_flag),
}
_CONTAINER: Final[dict[str, tuple[Any, Check]]] = {
    "name": ("N/A", _check_text),
    "allow_publish": (True, _check_flag),
    "allowed_classifications": ([], _check_classes),
    "blocked_classifications": ([], _check_classes),
    "quota_bytes": (1024**3, _check_count),
    "quota_files": (100, _check_count),
    **{f"default_file_{name}": rule for name, rule in _LIFE.items()},
    **_KEYS,
}
_FILE: Final[dict[str, tuple[Any, Check]]] = {
    "name": ("", _check_text),
    "file_access_name": ("", _check_text),
    **_LIFE,
    **_KEYS,
}


@dataclass(slots=True, eq=False)
class Container:
    """A place for files.

    Attributes:
        sid: Its id.
        attributes: What its owner may set.
    """

    sid: str
    attributes: Attributes


@dataclass(slots=True, eq=False)
class File:
    """A file.

    Attributes:
        sid: Its id.
        container: Where it is.
        content: All of it.
        kind: MIME type.
        modified_at: When it was uploaded or changed.
        attributes: What its owner may set.
    """

    sid: str
    container: Container
    content: bytes
    kind: str
    modified_at: datetime
    attributes: Attributes = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As it was uploaded."""
        return str(self.attributes["name"])

    @property
    def classification(self) -> str:
        """What a container may allow or block."""
        if self.kind.startswith(("image/", "video/", "audio/")):
            return "media"
        return "document" if self.kind in _DOCUMENTS else "unknown"

    @property
    def ends_at(self) -> datetime | None:
        """When it deletes itself; whether that counts from the upload or the last change is unknown."""
        if self.attributes["lifecycle_action"] != "delete" or self.attributes["lifecycle_ttl"] < 0:
            return None
        return self.modified_at + timedelta(seconds=self.attributes["lifecycle_ttl"])

    @property
    def path(self) -> str:
        """Where everybody can read it, "" where nobody can."""
        if not self.container.attributes["allow_publish"]:
            return ""
        paths = {
            "file_sid": f"/f/{self.sid}",
            "file_access_name": f"/c/{self.container.sid}/{self.attributes['file_access_name']}",
        }
        return paths.get(self.attributes["publish"], "")


class Storage:
    """All containers and files of the account; it has one container from the beginning, as accounts do.

    Args:
        clock: By which files delete themselves.

    Attributes:
        containers: By id.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._files: dict[str, File] = {}
        self.containers: dict[str, Container] = {}
        self._put_container({})

    @property
    def files(self) -> dict[str, File]:
        """What is there now, by id, oldest first."""
        now = self._clock()
        self._files = {sid: file for sid, file in self._files.items() if file.ends_at is None or file.ends_at > now}
        return self._files

    def count(self, container: Container) -> tuple[int, int]:
        """Files and bytes in a container."""
        sizes = [len(file.content) for file in self.files.values() if file.container is container]
        return len(sizes), sum(sizes)

    def make_container(self, wish: Attributes, behaviour: Behaviour) -> Container:
        """A new container.

        Raises:
            InvalidError: An attribute is wrong.
            FullError: The account has all that it may have.
        """
        checked = _check(wish, _CONTAINER)
        if len(self.containers) >= behaviour.most_containers:
            raise FullError("containers", f"the account may have {behaviour.most_containers} containers")
        return self._put_container(checked)

    def _put_container(self, attributes: Attributes) -> Container:
        defaults = {name: default for name, (default, _) in _CONTAINER.items()}
        container = Container(str(uuid4()), {**defaults, **attributes})
        self.containers[container.sid] = container
        return container

    def change_container(self, container: Container, changes: Attributes) -> None:
        """Change attributes.

        Raises:
            InvalidError: One is wrong.
        """
        container.attributes |= _check(changes, _CONTAINER)

    def delete_container(self, container: Container) -> None:
        """Take a container and its files away."""
        del self.containers[container.sid]
        self._files = {sid: file for sid, file in self._files.items() if file.container is not container}

    def add(self, container: Container, wish: Attributes, content: bytes, kind: str, behaviour: Behaviour) -> File:
        """Keep a file.

        Args:
            container: Where.
            wish: Its attributes, `container_sid` left out.
            content: All of it.
            kind: As its sender calls it, "" for no word.
            behaviour: What else is as the documentation does not say.

        Raises:
            InvalidError: An attribute is wrong, or the container takes no such file.
            FullError: Its quota is used up.
        """
        checked = _check(wish, _FILE)
        if behaviour.lives_by == "container":
            checked = {name: value for name, value in checked.items() if name not in _LIFE}
        defaults = {name: container.attributes[f"default_file_{name}"] for name in _LIFE}
        keys = {name: default for name, (default, _) in _KEYS.items()}
        sid, name = str(uuid4()), checked.get("name") or "N/A"
        suffix = PurePosixPath(name).suffix.lower()
        named, called = _TYPES.get(suffix, ""), kind if kind != "application/octet-stream" else ""
        first, second = (named, called) if behaviour.kind_by == "name" else (called, named)
        attributes = {"file_access_name": f"{sid}{suffix}", **keys, **defaults, **checked, "name": name}
        file = File(sid, container, content, first or second or "application/octet-stream", self._clock(), attributes)
        self._check_room(file)
        self._files[sid] = file
        return file

    def _check_room(self, file: File) -> None:
        rules = file.container.attributes
        allowed, blocked = rules["allowed_classifications"], rules["blocked_classifications"]
        if file.classification in blocked or (allowed and file.classification not in allowed):
            raise InvalidError("content_classification", f"the container takes no files of class {file.classification}")
        count, size = self.count(file.container)
        if count >= rules["quota_files"]:
            raise FullError("quota_files", f"the container may hold {rules['quota_files']} files")
        if size + len(file.content) > rules["quota_bytes"]:
            raise FullError("quota_bytes", f"the container may hold {rules['quota_bytes']} bytes")

    def change(self, file: File, changes: Attributes) -> None:
        """Change a file's attributes; its life begins anew.

        Raises:
            InvalidError: One is wrong.
        """
        file.attributes |= _check(changes, _FILE)
        file.modified_at = self._clock()

    def delete(self, file: File) -> None:
        """Take a file away."""
        del self._files[file.sid]

    def published(self, path: str) -> File | None:
        """What everybody can read there."""
        return next((file for file in self.files.values() if file.path == path), None)


def _check(wish: Attributes, rules: dict[str, tuple[Any, Check]]) -> Attributes:
    """What is wished for, all of it attributes that may be set.

    Raises:
        InvalidError: The first that may not, or that is of a wrong kind.
    """
    for name in wish:
        if name not in rules:
            raise InvalidError(name, "unknown or read only field")
    return {name: rules[name][1](name, value) for name, value in wish.items()}
