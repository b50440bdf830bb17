// A server's screen over a websocket: the Remote Framebuffer protocol (RFC 6143), version 3.8, as far as QEMU needs it: no
// password (the address's token is the right to look), true colour, encodings Raw, CopyRect and DesktopSize.

/** Bytes as they come, taken in the amounts that the protocol speaks of. */
export class Inbox {
  #chunks = [];
  #length = 0;
  #waiting = null;
  #ended = false;

  push(chunk) {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#wake();
  }

  end() {
    this.#ended = true;
    this.#wake();
  }

  #wake() {
    const waiting = this.#waiting;
    if (waiting && (this.#length >= waiting.count || this.#ended)) {
      this.#waiting = null;
      waiting.resolve();
    }
  }

  /** The next `count` bytes; throws when the connection ends before. */
  async take(count) {
    if (this.#length < count && !this.#ended) {
      await new Promise((resolve) => (this.#waiting = { count, resolve }));
    }
    if (this.#length < count) throw new Error("The connection has ended");
    const out = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const first = this.#chunks[0];
      const part = first.subarray(0, count - filled);
      out.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(part.length);
    }
    this.#length -= count;
    return new DataView(out.buffer);
  }

  async text(count) {
    return new TextDecoder().decode((await this.take(count)).buffer);
  }
}

const RAW = 0;
const COPY_RECT = 1;
const DESKTOP_SIZE = -223;

/** Speaks to the server. `send(bytes)` writes; `paint` has resize, raw and copy. */
export class Rfb {
  constructor(inbox, send, paint) {
    Object.assign(this, { inbox, send, paint, width: 0, height: 0 });
  }

  /** Until both agree; returns the name of the desktop. */
  async greet() {
    const version = await this.inbox.text(12);
    if (!version.startsWith("RFB 003.")) throw new Error("This is no screen");
    this.send(new TextEncoder().encode("RFB 003.008\n"));
    const kinds = (await this.inbox.take(1)).getUint8(0);
    if (kinds === 0) throw new Error(await this.#reason());
    const offered = new Uint8Array((await this.inbox.take(kinds)).buffer);
    if (!offered.includes(1)) throw new Error("The screen wants a password");
    this.send(Uint8Array.of(1));
    if ((await this.inbox.take(4)).getUint32(0) !== 0) throw new Error(await this.#reason());
    this.send(Uint8Array.of(1)); // others may look as well
    const init = await this.inbox.take(24);
    this.#resized(init.getUint16(0), init.getUint16(2));
    const name = await this.inbox.text(init.getUint32(20));
    // 32 bits a pixel, little endian: red, green, blue, nothing, as a canvas has them.
    this.send(Uint8Array.of(0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0));
    const encodings = new DataView(new ArrayBuffer(4 + 3 * 4));
    encodings.setUint8(0, 2);
    encodings.setUint16(2, 3);
    [COPY_RECT, RAW, DESKTOP_SIZE].forEach((encoding, i) => encodings.setInt32(4 + 4 * i, encoding));
    this.send(new Uint8Array(encodings.buffer));
    this.#ask(0);
    return name;
  }

  async #reason() {
    return this.inbox.text((await this.inbox.take(4)).getUint32(0));
  }

  #resized(width, height) {
    [this.width, this.height] = [width, height];
    this.paint.resize(width, height);
  }

  #ask(incremental) {
    const request = new DataView(new ArrayBuffer(10));
    request.setUint8(0, 3);
    request.setUint8(1, incremental);
    request.setUint16(6, this.width);
    request.setUint16(8, this.height);
    this.send(new Uint8Array(request.buffer));
  }

  /** Draws until the connection ends. */
  async follow() {
    for (;;) {
      const kind = (await this.inbox.take(1)).getUint8(0);
      if (kind === 0) await this.#update();
      else if (kind === 1) await this.inbox.take(6 * (await this.inbox.take(5)).getUint16(3)); // a palette: not asked for
      else if (kind === 3) await this.inbox.take((await this.inbox.take(7)).getUint32(3)); // a clipboard: not taken over
      else if (kind !== 2) throw new Error(`The screen sent what nobody knows (${kind})`);
    }
  }

  async #update() {
    let whole = false;
    const rectangles = (await this.inbox.take(3)).getUint16(1);
    for (let i = 0; i < rectangles; i++) {
      const head = await this.inbox.take(12);
      const [x, y, width, height] = [0, 2, 4, 6].map((at) => head.getUint16(at));
      const encoding = head.getInt32(8);
      if (encoding === RAW) {
        const pixels = new Uint8ClampedArray((await this.inbox.take(width * height * 4)).buffer);
        for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255;
        if (pixels.length > 0) this.paint.raw(x, y, width, height, pixels);
      } else if (encoding === COPY_RECT) {
        const from = await this.inbox.take(4);
        this.paint.copy(from.getUint16(0), from.getUint16(2), x, y, width, height);
      } else if (encoding === DESKTOP_SIZE) {
        this.#resized(width, height);
        whole = true;
      } else {
        throw new Error(`The screen sent an encoding that was not asked for (${encoding})`);
      }
    }
    this.#ask(whole ? 0 : 1);
  }

  key(keysym, down) {
    const event = new DataView(new ArrayBuffer(8));
    event.setUint8(0, 4);
    event.setUint8(1, down ? 1 : 0);
    event.setUint32(4, keysym);
    this.send(new Uint8Array(event.buffer));
  }

  pointer(buttons, x, y) {
    const event = new DataView(new ArrayBuffer(6));
    event.setUint8(0, 5);
    event.setUint8(1, buttons);
    event.setUint16(2, Math.max(0, Math.min(this.width - 1, x)));
    event.setUint16(4, Math.max(0, Math.min(this.height - 1, y)));
    this.send(new Uint8Array(event.buffer));
  }
}

/** Keys without a character, by the browser's name: keysyms of X11. */
const KEYS = {
  Backspace: 0xff08, Tab: 0xff09, Enter: 0xff0d, Escape: 0xff1b, Delete: 0xffff, Home: 0xff50, ArrowLeft: 0xff51,
  ArrowUp: 0xff52, ArrowRight: 0xff53, ArrowDown: 0xff54, PageUp: 0xff55, PageDown: 0xff56, End: 0xff57, Insert: 0xff63,
  Shift: 0xffe1, Control: 0xffe3, CapsLock: 0xffe5, Meta: 0xffe7, Alt: 0xffe9, AltGraph: 0xfe03, NumLock: 0xff7f,
  PrintScreen: 0xff61, Pause: 0xff13, ScrollLock: 0xff14, ContextMenu: 0xff67,
};

export function keysym(key) {
  if (/^F([1-9]|1[0-2])$/.test(key)) return 0xffbd + Number(key.slice(1));
  if ([...key].length !== 1) return KEYS[key];
  const code = key.codePointAt(0);
  return code < 0x100 ? code : 0x01000000 | code;
}

function open() {
  const [said, screen, cad] = ["said", "screen", "cad"].map((id) => document.getElementById(id));
  const context = screen.getContext("2d");
  const paint = {
    resize(width, height) {
      [screen.width, screen.height] = [width, height];
    },
    raw: (x, y, width, height, pixels) => context.putImageData(new ImageData(pixels, width, height), x, y),
    copy: (fromX, fromY, x, y, width, height) =>
      context.drawImage(screen, fromX, fromY, width, height, x, y, width, height),
  };
  const address = new URL("/websockify", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("token", new URLSearchParams(location.search).get("token") ?? "");
  const socket = new WebSocket(address, ["binary"]);
  socket.binaryType = "arraybuffer";
  const inbox = new Inbox();
  socket.onmessage = (event) => inbox.push(new Uint8Array(event.data));
  socket.onclose = () => inbox.end();
  const rfb = new Rfb(inbox, (bytes) => socket.readyState === WebSocket.OPEN && socket.send(bytes), paint);
  listen(rfb, screen, cad);
  const show = async () => {
    said.textContent = await rfb.greet();
    cad.disabled = false;
    screen.focus();
    await rfb.follow();
  };
  show().catch((error) => {
    said.textContent = `${error.message}. Ask for a new address of the console.`;
    cad.disabled = true;
    socket.close();
  });
}

function listen(rfb, screen, cad) {
  const held = new Map(); // what was pressed is what must be let go, whatever a modifier has made of it since
  screen.onkeydown = (event) => {
    const sym = keysym(event.key);
    if (sym === undefined) return;
    held.set(event.code, sym);
    rfb.key(sym, true);
    event.preventDefault();
  };
  screen.onkeyup = (event) => {
    const sym = held.get(event.code);
    if (sym !== undefined) rfb.key(sym, false);
    held.delete(event.code);
    event.preventDefault();
  };
  screen.onblur = () => {
    held.forEach((sym) => rfb.key(sym, false));
    held.clear();
  };
  const place = (event) => [event.offsetX, event.offsetY];
  // The browser counts left, right, middle; RFB left, middle, right.
  const buttons = (event) => (event.buttons & 1) | ((event.buttons & 4) >> 1) | ((event.buttons & 2) << 1);
  screen.onmousedown = screen.onmouseup = screen.onmousemove = (event) => rfb.pointer(buttons(event), ...place(event));
  screen.oncontextmenu = (event) => event.preventDefault();
  screen.onwheel = (event) => {
    const turn = event.deltaY < 0 ? 8 : 16;
    rfb.pointer(buttons(event) | turn, ...place(event));
    rfb.pointer(buttons(event), ...place(event));
    event.preventDefault();
  };
  cad.onclick = () => {
    const keys = ["Control", "Alt", "Delete"].map(keysym);
    keys.forEach((sym) => rfb.key(sym, true));
    keys.reverse().forEach((sym) => rfb.key(sym, false));
    screen.focus();
  };
}

if (typeof document !== "undefined") open();
