"""Opens or reads an image with libvhdi and prints the seconds it took, or the SHA-256 of what it read.

vhdi_reader.py open IMAGE COUNT
vhdi_reader.py read|hash IMAGE LENGTH STEP COUNT SPAN
"""

import hashlib
import sys
import time

import pyvhdi


def open_and_close(path, count):
    for _ in range(count):
        image = pyvhdi.file()
        image.open(path)
        image.get_media_size()
        image.get_identifier()
        image.get_parent_identifier()
        image.close()


def read(image, length, offsets):
    for offset in offsets:
        image.read_buffer_at_offset(length, offset)


def main():
    command, path = sys.argv[1:3]
    numbers = [int(argument) for argument in sys.argv[3:]]
    if command == "open":
        start = time.perf_counter()
        open_and_close(path, numbers[0])
        print(time.perf_counter() - start)
        return
    length, step, count, span = numbers
    offsets = [i * step % span for i in range(count)]
    image = pyvhdi.file()
    image.open(path)
    if command == "hash":
        digest = hashlib.sha256()
        for offset in offsets:
            digest.update(image.read_buffer_at_offset(length, offset))
        print(digest.hexdigest())
    else:
        start = time.perf_counter()
        read(image, length, offsets)
        print(time.perf_counter() - start)
    image.close()


main()
