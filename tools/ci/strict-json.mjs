// JSON (RFC 8259) without the freedoms: UTF-8 without a mark, no key twice, nothing after the value.
// Numbers stay text, since 1.0 is no integer here and 2^63 no float.

const MAX_DEPTH = 64;
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const ESCAPES = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

class Num {
  constructor(text) {
    this.text = text;
  }
}

/** The value of these bytes: Map for an object, Num for a number. Throws on anything else. */
export const parseJson = (bytes) => {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error('is not UTF-8');
  }
  let at = 0;
  const fail = () => {
    throw new Error(`is not JSON at character ${at}`);
  };
  const space = () => {
    while (at < text.length && ' \t\n\r'.includes(text[at])) at++;
  };
  const expect = (word) => (text.startsWith(word, at) ? (at += word.length) : fail());
  const string = () => {
    expect('"');
    let out = '';
    for (;;) {
      const c = text[at++];
      if (c === undefined || c < ' ') fail();
      if (c === '"') return out;
      if (c !== '\\') {
        out += c;
      } else if (text[at] === 'u') {
        const hex = text.slice(at + 1, at + 5);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) fail();
        out += String.fromCharCode(parseInt(hex, 16));
        at += 5;
      } else {
        out += ESCAPES[text[at++]] ?? fail();
      }
    }
  };
  const items = (close, item) => {
    at++;
    space();
    if (text[at] === close) return at++;
    for (;;) {
      item();
      space();
      if (text[at] === close) return at++;
      expect(',');
      space();
    }
  };
  const value = (depth) => {
    if (depth > MAX_DEPTH) fail();
    space();
    switch (text[at]) {
      case '{': {
        const map = new Map();
        items('}', () => {
          const key = string();
          if (map.has(key)) throw new Error(`has the key ${JSON.stringify(key)} twice`);
          space();
          expect(':');
          map.set(key, value(depth + 1));
        });
        return map;
      }
      case '[': {
        const list = [];
        items(']', () => list.push(value(depth + 1)));
        return list;
      }
      case '"':
        return string();
      case 't':
        return expect('true') && true;
      case 'f':
        return !expect('false');
      case 'n':
        return expect('null') && null;
      default: {
        NUMBER.lastIndex = at;
        const number = NUMBER.exec(text)?.[0] ?? fail();
        if (number.length > 1_000) fail();
        at += number.length;
        return new Num(number);
      }
    }
  };
  const all = value(0);
  space();
  return at === text.length ? all : fail();
};

/** An object of which every key is known and every value has its type. */
export class Shape {
  static of(value, where, known) {
    const map =
      value instanceof Map
        ? value
        : value?.constructor === Object
          ? new Map(Object.entries(value))
          : null;
    if (!map) throw new Error(`${where} is no object`);
    for (const key of map.keys()) {
      if (known && !known.includes(key))
        throw new Error(`${where} has the key ${JSON.stringify(key)}`);
    }
    return new Shape(map, where);
  }

  constructor(map, where) {
    this.map = map;
    this.where = where;
  }

  #typed(key, what, take) {
    const value = this.map.has(key) ? take(this.map.get(key)) : undefined;
    if (value === undefined) throw new Error(`${this.where}.${key} is no ${what}`);
    return value;
  }

  has(key) {
    return this.map.has(key);
  }

  keys() {
    return [...this.map.keys()];
  }

  isNull(key) {
    if (!this.map.has(key)) throw new Error(`${this.where}.${key} is missing`);
    return this.map.get(key) === null;
  }

  is(key, expected) {
    if (this.map.get(key) !== expected)
      throw new Error(`${this.where}.${key} is not ${JSON.stringify(expected)}`);
  }

  text(key) {
    return this.#typed(key, 'text', (v) => (typeof v === 'string' ? v : undefined));
  }

  flag(key) {
    return this.#typed(key, 'true or false', (v) => (typeof v === 'boolean' ? v : undefined));
  }

  number(key) {
    return this.#typed(key, 'number', number);
  }

  integer(key) {
    return this.#typed(key, 'integer', integer);
  }

  object(key, known) {
    return Shape.of(this.map.get(key), `${this.where}.${key}`, known);
  }

  #list(key, max, take) {
    const list = this.map.get(key);
    if (!Array.isArray(list) || list.length > max)
      throw new Error(`${this.where}.${key} is no list of at most ${max}`);
    return list.map((v, i) => take(v, `${this.where}.${key}[${i}]`));
  }

  objects(key, max, known) {
    return this.#list(key, max, (v, where) => Shape.of(v, where, known));
  }

  texts(key, max) {
    return this.#list(key, max, (v, where) => Shape.of({ v }, where, ['v']).text('v'));
  }

  numbers(key) {
    return this.#list(key, Infinity, (v, where) => Shape.of({ v }, where, ['v']).number('v'));
  }

  integers(key) {
    return this.#list(key, Infinity, (v, where) => Shape.of({ v }, where, ['v']).integer('v'));
  }
}

const number = (value) => (value instanceof Num ? Number(value.text) : undefined);

/** A 64-bit integer, written as one. */
const integer = (value) => {
  if (!(value instanceof Num) || !/^-?[0-9]+$/.test(value.text)) return undefined;
  const exact = BigInt(value.text);
  return BigInt.asIntN(64, exact) === exact ? exact : undefined;
};
