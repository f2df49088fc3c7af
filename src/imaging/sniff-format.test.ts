import { describe, expect, test } from "bun:test";
import * as pictures from "../../test/support/pictures.ts";
import { sniffFormat } from "./sniff-format.ts";

describe("sniffFormat", () => {
  for (const format of ["jpeg", "png", "webp", "gif", "avif"] as const) {
    test(`knows ${format}`, async () => {
      const bytes = await pictures.drawPhoto({ format, width: 32, height: 32 });
      expect(sniffFormat(bytes)).toBe(format);
    });
  }

  test("takes an MPO for the JPEG that it starts with", async () => {
    expect(sniffFormat(await pictures.mpo())).toBe("jpeg");
  });

  test("goes by the bytes, not by the name", async () => {
    const { bytes } = await pictures.wrongExtension();
    expect(sniffFormat(bytes)).toBe("png");
  });

  test("knows an AVIF by its compatible brands", () => {
    expect(sniffFormat(fileType("mif1", "avifmiaf"))).toBe("avif");
    expect(sniffFormat(fileType("mif1", "heicmiaf"))).toBeNull();
    expect(sniffFormat(fileType("mif1", "avifheic"))).toBeNull();
  });

  test("refuses a file type box that claims to be longer than the file", () => {
    const bytes = fileType("avif", "mif1");
    bytes[3] = 200;
    expect(sniffFormat(bytes)).toBeNull();
  });

  const foreign = {
    svg: pictures.svg(),
    heic: pictures.heicHeader(),
    pdf: pictures.pdf(),
    tiff: pictures.tiffHeader(),
    text: pictures.plainText(),
    empty: pictures.emptyFile(),
    "half a signature": Uint8Array.from([0x89, 0x50, 0x4e]),
    "a RIFF that is no WebP": new TextEncoder().encode("RIFF\0\0\0\0WAVEfmt "),
  };
  for (const [name, bytes] of Object.entries(foreign)) {
    test(`refuses ${name}`, () => expect(sniffFormat(bytes)).toBeNull());
  }

  test("refuses a picture behind something else", async () => {
    expect(sniffFormat(await pictures.htmlPolyglot())).toBeNull();
  });
});

function fileType(major: string, compatible: string): Uint8Array {
  const bytes = new TextEncoder().encode(`\0\0\0\0ftyp${major}\0\0\0\0${compatible}`);
  bytes[3] = bytes.length;
  return bytes;
}
