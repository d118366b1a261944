"""PDFs made by hand, good and hostile."""

import zlib


def pdf(pages: list[str]) -> bytes:
    """One with a line of text a page."""
    streams = [f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages]
    return _assemble([(stream, b"") for stream in streams])


def bomb(size: int) -> bytes:
    """One whose only page unfolds to `size` bytes of text commands."""
    packer = zlib.compressobj(1)
    part = b"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj\n" * 1000
    packed = packer.compress(b"BT /F1 12 Tf 72 720 Td\n")
    packed += b"".join(packer.compress(part) for _ in range(size // len(part)))
    packed += packer.compress(b"ET") + packer.flush()
    return _assemble([(packed, b"/Filter /FlateDecode ")])


def _assemble(streams: list[tuple[bytes, bytes]]) -> bytes:
    count = len(streams)
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, (stream, extra) in enumerate(streams):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * index} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< %s/Length %d >>\nstream\n%s\nendstream" % (extra, len(stream), stream))
    body, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (
            *(size, table, size),
            len(body),
        )
    )
