import { dlopen, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";

/** Numbers of Linux on every platform that Bun runs on (asm-generic/socket.h). */
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** `return k` of classic BPF (linux/bpf_common.h: BPF_RET | BPF_K). */
const BPF_RETURN = 0x06;

/** glibc's, then musl's. */
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

function openLibc() {
  const symbols = {
    getsockopt: { args: ["int", "int", "int", "ptr", "ptr"], returns: "int" },
    setsockopt: { args: ["int", "int", "int", "ptr", "u32"], returns: "int" },
  } as const;
  let cause: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, symbols);
    } catch (error) {
      cause = error;
    }
  }
  throw new Error("no C library to set socket options with", { cause });
}

/**
 * Makes the kernel give every new connection to the newest of the `listeners` processes that listen on
 * this process's port. Without that, closing a listening socket resets the connections that wait in its
 * own queue to be accepted, since each socket of a SO_REUSEPORT group has a queue of its own.
 *
 * The kernel keeps a group's sockets in a list, new ones at its end, and a program may name the place
 * in it (socket(7), SO_ATTACH_REUSEPORT_CBPF). A place beyond the end means the usual choice by hash:
 * so the program that stays behind does nothing once this socket is closed, and works again as soon as
 * the next replacement listens. A wrong count (a worker has just crashed) is harmless for the same reason.
 *
 * Returns what kept it from working, on another system than Linux for example.
 */
export function steerToNewest(listeners: number): Error | null {
  try {
    const libc = openLibc();
    try {
      for (const descriptor of listeningSockets(libc)) {
        const program = returnConstant(listeners - 1);
        const { address, length } = program;
        const failed = libc.symbols.setsockopt(
          descriptor,
          SOL_SOCKET,
          SO_ATTACH_REUSEPORT_CBPF,
          ptr(address),
          length,
        );
        if (failed) return new Error("the kernel refused to steer connections");
      }
      return null;
    } finally {
      libc.close();
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Bun does not tell a server's descriptor. Others of this process are connections or files. */
function listeningSockets({ symbols }: ReturnType<typeof openLibc>): number[] {
  const value = new Int32Array(1);
  const size = new Uint32Array(1);
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((descriptor) => {
      value[0] = 0;
      size[0] = value.byteLength;
      symbols.getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(size));
      return value[0] === 1;
    });
}

/** A `struct sock_fprog` with one `struct sock_filter`, both little-endian, pointers of 64 bits. */
function returnConstant(constant: number) {
  const instruction = new DataView(new ArrayBuffer(8));
  instruction.setUint16(0, BPF_RETURN, true);
  instruction.setUint32(4, constant, true);
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, 1, true);
  program.setBigUint64(8, BigInt(ptr(instruction)), true);
  // The instruction must live until the kernel has read it.
  return { address: program, length: program.byteLength, instruction };
}
