// What a TorchScript archive may hold: the members that torch.jit.save writes, pickles that name
// tensors and the archive's own classes, code without operators that open files. Nothing is run.
import zlib from 'node:zlib';

const MAX_ENTRIES = 10_000;
const MAX_TEXT = 16 << 20;
const ROOT = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\//;
const MEMBERS = [
  /^(data\.pkl|constants\.pkl|version|byteorder|\.format_version|\.storage_alignment|\.data\/serialization_id)$/,
  /^(data|constants)\/[0-9]{1,6}$/,
  /^code\/([A-Za-z0-9_]+\/)*[A-Za-z0-9_]+\.py(\.debug_pkl)?$/,
  /^extra\/[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
];
const REQUIRED = ['data.pkl', 'constants.pkl', 'version', 'code/__torch__'];
const CALLS =
  /\bops\s*\.\s*(?!(?:prim|aten)\b)\w+|\b(?:torch|aten)\s*\.\s*(?:save|load|from_file)\b/;
const NAMES = [
  /^collections OrderedDict$/,
  /^torch\._utils (_rebuild_tensor_v2|_rebuild_qtensor)$/,
  /^torch\.jit\._pickle (build_(int|double|bool|tensor)list|build_tensor_from_id|restore_type_tag)$/,
  /^torch (Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage$/,
  /^__torch__(\.[A-Za-z_][A-Za-z0-9_]*)* [A-Za-z_][A-Za-z0-9_]*$/,
];
// Opcode to the bytes of its argument; text and globals are read apart.
const OPCODES = new Map([
  ...[...').N(}]tuesabRQld\x81\x85\x86\x87\x88\x89'].map((c) => [c.charCodeAt(0), 0]),
  ...[...'Kqh'].map((c) => [c.charCodeAt(0), 1]),
  [0x4d, 2],
  ...[...'Jrj'].map((c) => [c.charCodeAt(0), 4]),
  [0x47, 8],
]);

const refuse = (reason) => {
  throw new Error(`model.pt ${reason}`);
};

const members = (zip) => {
  const end = zip.length - 22;
  if (end < 0 || zip.readUInt32LE(end) !== 0x06054b50) refuse('does not end as a zip archive');
  const [count, size, start] = [
    zip.readUInt16LE(end + 10),
    zip.readUInt32LE(end + 12),
    zip.readUInt32LE(end + 16),
  ];
  const gap = end - start - size;
  const odd =
    zip.readUInt32LE(end + 4) !== 0 ||
    zip.readUInt16LE(end + 8) !== count ||
    zip.readUInt16LE(end + 20) !== 0;
  if (
    odd ||
    count > MAX_ENTRIES ||
    !(gap === 0 || (gap === 76 && zip64(zip, end - 76, count, size, start)))
  ) {
    refuse('has a directory that does not end where the archive does');
  }
  const list = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const u16 = (offset) => zip.readUInt16LE(at + offset);
    const u32 = (offset) => zip.readUInt32LE(at + offset);
    const [flags, method, packed, unpacked, header] = [u16(8), u16(10), u32(20), u32(24), u32(42)];
    const name = zip.toString('latin1', at + 46, at + 46 + u16(28));
    const from = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const sizes =
      flags & 8 ||
      (zip.readUInt32LE(header + 18) === packed && zip.readUInt32LE(header + 22) === unpacked);
    const same =
      zip.readUInt32LE(header) === 0x04034b50 &&
      zip.readUInt16LE(header + 6) === flags &&
      zip.readUInt16LE(header + 8) === method &&
      zip.toString('latin1', header + 30, header + 30 + zip.readUInt16LE(header + 26)) === name;
    const plain =
      u32(0) === 0x02014b50 &&
      (flags & ~0x808) === 0 &&
      [0, 8].includes(method) &&
      u16(32) === 0 &&
      u16(34) === 0;
    if (
      !plain ||
      !same ||
      !sizes ||
      (method === 0 && packed !== unpacked) ||
      packed > 0x7fffffff ||
      unpacked > 0x7fffffff
    ) {
      refuse(`has the member ${JSON.stringify(name)} of an odd kind`);
    }
    list.push({ name, header, from, to: from + packed, unpacked, deflated: method === 8 });
    at += 46 + u16(28) + u16(30);
  }
  if (at !== start + size) refuse('has bytes in its directory that are no entry');
  let free = 0;
  for (const member of [...list].sort((a, b) => a.header - b.header)) {
    if (member.header < free || member.header - free > (free === 0 ? 0 : 24))
      refuse('has bytes between its members');
    free = member.to;
  }
  if (start < free || start - free > 24) refuse('has bytes before its directory');
  return list;
};

const zip64 = (zip, at, count, size, start) => {
  if (at < 0) return false;
  const numbers = [16, 24, 32, 40, 48].map((offset) => zip.readBigUInt64LE(at + offset));
  return (
    zip.readUInt32LE(at) === 0x06064b50 &&
    zip.readBigUInt64LE(at + 4) === 44n &&
    numbers.join() === [0, count, count, size, start].join() &&
    zip.readUInt32LE(at + 56) === 0x07064b50 &&
    zip.readUInt32LE(at + 60) === 0 &&
    zip.readBigUInt64LE(at + 64) === BigInt(at) &&
    zip.readUInt32LE(at + 72) === 1
  );
};

const unpack = (zip, member) => {
  if (member.unpacked > MAX_TEXT) refuse(`${member.name} has more than ${MAX_TEXT} bytes`);
  const packed = zip.subarray(member.from, member.to);
  if (!member.deflated) return packed;
  // One byte of room more: what unpacks to more than it says is refused, not cut.
  const { buffer, engine } = zlib.inflateRawSync(packed, {
    maxOutputLength: member.unpacked + 1,
    info: true,
  });
  if (buffer.length !== member.unpacked || engine.bytesWritten !== packed.length)
    refuse(`${member.name} unpacks to another size`);
  return buffer;
};

const scanPickle = (pickle, name) => {
  let at = 0;
  const need = (bytes) => {
    if (bytes > pickle.length - at) refuse(`${name} is cut`);
    at += bytes;
    return at - bytes;
  };
  const line = () => {
    const end = pickle.indexOf(10, at);
    if (end < 0) refuse(`${name} is cut`);
    const text = pickle.toString('latin1', at, end);
    at = end + 1;
    return text;
  };
  for (;;) {
    const opcode = pickle[need(1)];
    if (opcode === 0x80) {
      if (pickle[need(1)] !== 2) refuse(`${name} is of another protocol than 2`);
    } else if (opcode === 0x63) {
      const global = `${line()} ${line()}`;
      if (!NAMES.some((known) => known.test(global)))
        refuse(`${name} names ${JSON.stringify(global)}`);
    } else if (opcode === 0x58) {
      need(pickle.readUInt32LE(need(4)));
    } else if (opcode === 0x8a) {
      need(pickle[need(1)]);
    } else if (OPCODES.has(opcode)) {
      need(OPCODES.get(opcode));
    } else {
      refuse(`${name} has the opcode 0x${opcode.toString(16)} at ${at - 1}`);
    }
    if (opcode === 0x2e) break;
  }
  if (at !== pickle.length) refuse(`${name} goes on after its end`);
};

/** Throws on an archive that is anything else. */
export const inspectModule = (zip) => {
  let list;
  try {
    list = members(zip);
  } catch (e) {
    throw e instanceof RangeError ? new Error('model.pt is cut, expected a zip archive') : e;
  }
  const root = ROOT.exec(list[0]?.name ?? '')?.[0] ?? refuse('has no member in a folder');
  const seen = new Set();
  for (const member of list) {
    const name = member.name.slice(root.length);
    const lower = member.name.toLowerCase();
    if (
      !member.name.startsWith(root) ||
      !MEMBERS.some((known) => known.test(name)) ||
      seen.has(lower)
    ) {
      refuse(`has the member ${JSON.stringify(member.name)}`);
    }
    seen.add(lower);
    const code = name.startsWith('code/');
    if (member.deflated && !code) refuse(`has ${name} compressed`);
    if (name.endsWith('pkl')) {
      scanPickle(unpack(zip, member), name);
    } else if (code) {
      const call = CALLS.exec(unpack(zip, member).toString('utf8'));
      if (call) refuse(`${name} calls ${call[0]}`);
    }
  }
  for (const name of REQUIRED) {
    if (!list.some((member) => member.name.startsWith(root + name)))
      refuse(`has no member ${name}`);
  }
};
