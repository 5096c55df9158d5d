/** IPv4 networks in CIDR notation. */

/** A network as numbers: its first address and the length of its prefix. */
interface Network {
  readonly first: number;
  readonly prefix: number;
}

/** Reads a CIDR; `undefined` where it is none, or where bits are set behind its prefix. */
export function parseCidr(text: string): Network | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) {
    return undefined;
  }
  const numbers = match.slice(1).map(Number);
  const prefix = numbers[4]!;
  if (prefix > 32 || numbers.slice(0, 4).some((byte) => byte > 255)) {
    return undefined;
  }
  const first = numbers.slice(0, 4).reduce((sum, byte) => sum * 256 + byte, 0);
  return first % 2 ** (32 - prefix) === 0 ? { first, prefix } : undefined;
}

/** The `index`th of the 2^`bits` equal parts of a network. */
export function part(cidr: string, bits: number, index: number): string {
  const network = parseCidr(cidr);
  if (network === undefined) {
    throw new Error(`not a CIDR: ${cidr}`);
  }
  const prefix = network.prefix + bits;
  const first = network.first + index * 2 ** (32 - prefix);
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${bytes.join('.')}/${prefix}`;
}
