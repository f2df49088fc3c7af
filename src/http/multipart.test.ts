import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { AppError } from "../errors.ts";
import { parseMultipart, type Form, type FormFile, type FormValue } from "./multipart.ts";

const TYPE = "multipart/form-data; boundary=b0";
const NAMED = 'Content-Disposition: form-data; name="a"';

function parse(text: string | Uint8Array, type = TYPE): Form {
  return parseMultipart(Uint8Array.from(Buffer.from(text)), type);
}

/** A body of parts, each `headers CRLF CRLF content`. */
function bodyOf(...parts: string[]): string {
  return `${parts.map((part) => `--b0\r\n${part}\r\n`).join("")}--b0--\r\n`;
}

/** The only file of a form, its content as text. */
function fileOf(form: Form) {
  const [[name, [file]]] = [...form] as [[string, [FormFile]]];
  return { name, filename: file.filename, text: Buffer.from(file.bytes).toString() };
}

/** What is wrong with a body; throws where nothing is. */
function complaintOf(text: string | Uint8Array, type = TYPE): string {
  try {
    parse(text, type);
  } catch (error) {
    if (error instanceof AppError && error.code === "malformed_request") return error.detail;
    throw error;
  }
  throw new Error("the body was read");
}

describe("a form", () => {
  test("has its fields by name, in their order", () => {
    const form = parse(bodyOf(`${NAMED}\r\n\r\none`, `${NAMED}\r\n\r\ntwo`));
    expect([...form]).toEqual([["a", ["one", "two"]]]);
  });

  test("has files as views of the body", () => {
    const body = Uint8Array.from(Buffer.from(bodyOf(`${NAMED}; filename="x.jpg"\r\n\r\n\0\r\n-`)));
    const [file] = parseMultipart(body, TYPE).get("a")!;
    expect(file).toMatchObject({ filename: "x.jpg", bytes: Buffer.from("\0\r\n-") });
    expect((file as { bytes: Uint8Array }).bytes.buffer).toBe(body.buffer);
  });

  test("may have empty parts, or none", () => {
    expect(parse(bodyOf(`${NAMED}\r\n\r\n`)).get("a")).toEqual([""]);
    expect(fileOf(parse(bodyOf(`${NAMED}; filename=""\r\n\r\n`)))).toEqual({
      name: "a",
      filename: null,
      text: "",
    });
    expect(parse("--b0--").size).toBe(0);
  });

  test("may have something before and after it, and blanks behind a boundary", () => {
    const body = `To whom it concerns\r\n--b0 \t\r\n${NAMED}\r\n\r\none\r\n--b0--  \r\nYours`;
    expect(parse(body).get("a")).toEqual(["one"]);
  });

  test.each([
    'multipart/form-data; charset=utf-8; Boundary="b0"',
    "Multipart/Form-Data;BOUNDARY=b0;",
  ])("is read by content type %s", (type) => {
    expect(parse(bodyOf(`${NAMED}\r\n\r\none`), type).get("a")).toEqual(["one"]);
  });

  test("may have a boundary of every character that RFC 2046 allows", () => {
    const boundary = "0aZ'()+_,-./:=? x";
    const body = `--${boundary}\r\n${NAMED}\r\n\r\none\r\n--${boundary}--`;
    const type = `multipart/form-data; boundary="${boundary}"`;
    expect(parse(body, type).get("a")).toEqual(["one"]);
  });

  test.each([
    ["as browsers write it", 'name="a"; filename="q%22%0D%0A.jpg"', 'q"\r\n.jpg'],
    ["with escaped quotes", String.raw`name="a"; filename="q\"\\.jpg"`, String.raw`q"\.jpg`],
    ["as a path", String.raw`name="a"; filename="C:\new\x.jpg"`, String.raw`C:\new\x.jpg`],
    ["without quotes", "name=a; filename=x.jpg", "x.jpg"],
    ["in UTF-8", 'name="a"; filename="照片.jpg"', "照片.jpg"],
    ["extended", "name=a; filename*=UTF-8''%e2%82%ac.jpg", "€.jpg"],
    ["twice over", "name=a; filename=x.jpg; filename*=utf-8'en'y.jpg", "x.jpg"],
    ["with a semicolon", 'filename="a;name=b"; name="a"', "a;name=b"],
  ])("has a file named %s", (_, parameters, filename) => {
    const form = parse(bodyOf(`content-disposition:form-data; ${parameters}\r\n\r\none`));
    expect(fileOf(form)).toEqual({ name: "a", filename, text: "one" });
  });
});

describe("a body is refused", () => {
  const part = `${NAMED}\r\n\r\none`;
  test.each([
    ["that is empty", "", "boundary is nowhere"],
    ["of another boundary", bodyOf(part).replaceAll("b0", "b1"), "boundary is nowhere"],
    ["whose lines end in LF", bodyOf(part).replaceAll("\r\n", "\n"), "end its line"],
    ["that was cut off", bodyOf(part).slice(0, -6), "last boundary is missing"],
    ["cut off behind a boundary", `--b0\r\n${part}\r\n--b0`, "end its line"],
    ["whose boundary goes on", `--b0x\r\n${part}\r\n--b0--`, "end its line"],
    ["without headers", bodyOf("\r\n\r\none"), "is no header"],
    ["with a folded header", bodyOf(`X: y\r\n z\r\n${part}`), "is no header"],
    ["with a line that is no header", bodyOf(`what\r\n${part}`), "is no header"],
    ["with two dispositions", bodyOf(`${NAMED}\r\n${part}`), "two headers"],
    ["without a disposition", bodyOf("X: y\r\n\r\none"), "not named"],
    [
      "with an attachment",
      bodyOf('Content-Disposition: attachment; name="a"\r\n\r\n'),
      "not named",
    ],
    ["without a name", bodyOf("Content-Disposition: form-data\r\n\r\none"), "not named"],
    ["named twice", bodyOf(`${NAMED}; name=b\r\n\r\none`), "not named"],
    ["with an open quote", bodyOf(`${NAMED}; filename="x\r\n\r\none`), "not named"],
    ["in base64", bodyOf(`Content-Transfer-Encoding: base64\r\n${part}`), "transfer encoding"],
    ["with a bad name", bodyOf(`${NAMED}; filename*=utf-8''%ff\r\n\r\n`), "not in UTF-8"],
    ["in another charset", bodyOf(`${NAMED}; filename*=latin1''x\r\n\r\n`), "not in UTF-8"],
    ["with long headers", bodyOf(`X: ${"y".repeat(9000)}\r\n${part}`), "do not end within"],
    ["with headers without end", `--b0\r\n${NAMED}\r\n--b0--`, "do not end within"],
    ["of many parts", bodyOf(...Array<string>(65).fill(part)), "more than 64"],
    ["with a long text", bodyOf(`${NAMED}\r\n\r\n${"x".repeat(70_000)}`), "longer than"],
    ["with binary text", Buffer.from(bodyOf(`${NAMED}\r\n\r\n\xff`), "latin1"), "in UTF-8"],
    ["with a binary name", Buffer.from(bodyOf(`${NAMED}; x=\xff\r\n\r\n`), "latin1"), "not UTF-8"],
  ])("%s", (_, body, complaint) => {
    expect(complaintOf(body)).toContain(complaint);
  });

  test.each([
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary=""',
    `multipart/form-data; boundary=${"b".repeat(71)}`,
    'multipart/form-data; boundary="b0 "',
    'multipart/form-data; boundary="b\u00e9"',
    "multipart/form-data; boundary=b0; boundary=b1",
  ])("for its content type %p", (type) => {
    expect(complaintOf(bodyOf(part), type)).toContain("names no boundary");
  });
});

/** Without what writers of forms escape, each in its own way; the platform forgets fields without a name. */
const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((text) => !/["\\%\r\n]/.test(text));
const text = fc
  .string({ unit: "grapheme", maxLength: 100 })
  .filter((value) => !/[\r\n]/.test(value));
const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Nearly boundaries.
  fc
    .constantFrom("\r\n--", "\r\n------WebKitFormBoundary", "\r\n", "--")
    .map((near) => Buffer.from(near)),
);
const file = fc.record({ filename: name, content });

test("forms are read as they were written, and as the platform reads them", async () => {
  const fields = fc.array(fc.tuple(name, fc.oneof(text, file)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fields, async (fields) => {
      const form = new FormData();
      for (const [field, value] of fields) {
        if (typeof value === "string") form.append(field, value);
        else form.append(field, new File([Uint8Array.from(value.content)], value.filename));
      }
      const response = new Response(form);
      const type = response.headers.get("content-type")!;
      const bytes = await response.clone().bytes();
      const read = [...parseMultipart(bytes, type)].flatMap(([field, values]) =>
        values.map((value) => describeValue(field, value)),
      );
      const written = fields.map(([field, value]) =>
        describeValue(field, typeof value === "string" ? value : toFile(value)),
      );
      const platform: string[] = [];
      for (const [field, value] of await response.formData()) {
        const isText = typeof value === "string";
        const known = isText ? value : { filename: value.name, content: await value.bytes() };
        platform.push(describeValue(field, isText ? value : toFile(known as WrittenFile)));
      }
      expect(read.toSorted()).toEqual(written.toSorted());
      expect(read.toSorted()).toEqual(platform.toSorted());
    }),
    { numRuns: 500 },
  );
});

interface WrittenFile {
  filename: string | undefined;
  content: Uint8Array;
}

function toFile({ filename, content }: WrittenFile): FormFile {
  return { filename: filename || null, bytes: content };
}

function describeValue(field: string, value: FormValue): string {
  if (typeof value === "string") return JSON.stringify([field, value]);
  return JSON.stringify([field, value.filename, Buffer.from(value.bytes).toString("hex")]);
}

test("whatever is done to a form, it is read or refused as malformed", () => {
  const form = Buffer.from(
    bodyOf(`${NAMED}; filename="x"\r\nContent-Type: image/jpeg\r\n\r\none`, `${NAMED}\r\n\r\ntwo`),
  );
  const change = fc.record({
    at: fc.nat(form.length),
    removed: fc.nat(20),
    added: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc
        .constantFrom(
          "\r\n",
          "\r\n\r\n",
          "--b0",
          "\r\n--b0",
          "--",
          '"',
          ";",
          "\\",
          "=",
          ":",
          "\0",
          "\n",
        )
        .map((piece) => Buffer.from(piece)),
    ),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let bytes: Buffer = form;
      for (const { at, removed, added } of changes)
        bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
      try {
        for (const values of parse(bytes).values()) expect(values.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toMatchObject({ name: "AppError", code: "malformed_request" });
      }
    }),
    { numRuns: 5_000 },
  );
});
