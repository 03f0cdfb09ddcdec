/** What the first bytes of a picture file say, before anybody takes the memory for its pixels. */

// What files begin with.
const JPEG = [0xff, 0xd8, 0xff];
const PNG = [0x89, 0x50, 0x4e, 0x47];
const BMP = [0x42, 0x4d];

/** @param {Uint8Array} file @param {number[]} signature */
const begins = (file, signature) => signature.every((byte, i) => file[i] === byte);

/**
 * Whether a file is of a kind that limn itself reads.
 * @param {Uint8Array} file
 */
export function isReadByLimn(file) {
  return [JPEG, PNG, BMP].some((signature) => begins(file, signature));
}

/**
 * @param {Uint8Array} file that isReadByLimn
 * @returns {{width: number, height: number} | null} null: it does not say
 */
export function pictureSize(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (begins(file, PNG) && file.length >= 24) return {width: view.getUint32(16), height: view.getUint32(20)};
  if (begins(file, BMP) && file.length >= 26) {
    return {width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true))};
  }
  return begins(file, JPEG) ? jpegSize(view) : null;
}

/**
 * Goes from segment to segment of a JPEG file up to the frame's header (ITU-T T.81, B.2.2).
 * @param {DataView} view
 */
function jpegSize(view) {
  for (let at = 2; at + 9 < view.byteLength; ) {
    const marker = view.getUint16(at);
    if (marker < 0xff01) return null; // no marker
    // Start of frame 0 to 15, of which C4, C8 and CC are other things; FFs may be put before a marker.
    if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
      return {width: view.getUint16(at + 7), height: view.getUint16(at + 5)};
    }
    at += marker === 0xffff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}
