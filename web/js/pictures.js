/** Pictures: from files to pixels, and onto canvases. */

const MOST_PIXELS = 50e6;

// What files begin with: JPEG, PNG, BMP.
const SIGNATURES = [
  [0xff, 0xd8, 0xff],
  [0x89, 0x50, 0x4e, 0x47],
  [0x42, 0x4d],
];

/**
 * Whether a file is of a kind that limn itself reads.
 * @param {Uint8Array} file
 */
export function isReadByLimn(file) {
  return SIGNATURES.some((signature) => signature.every((byte, i) => file[i] === byte));
}

/**
 * The pixels of a picture file, upright as its EXIF says, over white where it is transparent. Throws Error if it is
 * none that this browser can read.
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<ImageData>}
 */
export async function readPicture(file, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, {imageOrientation: 'from-image', colorSpaceConversion: 'none'});
  } catch {
    throw new Error(`${name}: not a picture that this browser can read`);
  }
  try {
    const {width, height} = bitmap;
    if (width * height > MOST_PIXELS) {
      throw new Error(`${name}: ${width}x${height} pixels, more than the ${MOST_PIXELS / 1e6} million that fit here`);
    }
    return pixelsOf(bitmap, width, height);
  } finally {
    bitmap.close();
  }
}

/**
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @returns {ImageData}
 */
export function pixelsOf(source, width, height) {
  const context = contextOf(new OffscreenCanvas(width, height));
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/**
 * @param {OffscreenCanvas} canvas
 * @returns {OffscreenCanvasRenderingContext2D}
 */
function contextOf(canvas) {
  const context = canvas.getContext('2d', {willReadFrequently: true});
  if (context === null) throw new Error('the browser has no memory for a picture of this size');
  return context;
}

/**
 * Puts pixels on a canvas, which takes their size.
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number, data: Uint8ClampedArray<ArrayBuffer>}} picture
 */
export function show(canvas, {width, height, data}) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.putImageData(new ImageData(data, width, height), 0, 0);
}

/**
 * The same made smaller.
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number, data: Uint8ClampedArray<ArrayBuffer>}} picture
 * @param {number} longerSide in pixels, at most
 */
export async function showSmall(canvas, {width, height, data}, longerSide) {
  const scale = Math.min(1, longerSide / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const bitmap = await createImageBitmap(new ImageData(data, width, height));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}

/**
 * Has the browser save something as a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * @param {any} value
 * @param {string} name
 */
export function saveJson(value, name) {
  save(new Blob([`${JSON.stringify(value, null, 2)}\n`], {type: 'application/json'}), name);
}

/**
 * "photo" of "folder/photo.jpg".
 * @param {string} name
 */
export function stem(name) {
  return name.replace(/^.*\//, '').replace(/\.[^.]*$/, '') || 'photo';
}
