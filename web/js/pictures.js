/** Pictures: from files to pixels, and onto canvases. */

const MOST_PIXELS = 50e6;

/**
 * Throws Error if a picture takes more memory than a browser may have.
 * @param {{width: number, height: number} | null} size null: not known
 * @param {string} name
 */
export function checkSize(size, name) {
  if (size !== null && size.width * size.height > MOST_PIXELS) {
    const millions = MOST_PIXELS / 1e6;
    throw new Error(`${name}: ${size.width}x${size.height} pixels, more than the ${millions} million that fit here`);
  }
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
    checkSize(bitmap, name);
    return pixelsOf(bitmap, bitmap.width, bitmap.height);
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
    // For the style sheet.
    canvas.parentElement?.style.setProperty('--width', String(width));
    canvas.parentElement?.style.setProperty('--height', String(height));
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.putImageData(new ImageData(data, width, height), 0, 0);
}

/**
 * The same made smaller, as a JPEG file: a hundred of them take less memory than one photo.
 * @param {{width: number, height: number, data: Uint8ClampedArray<ArrayBuffer>}} picture
 * @param {number} longerSide in pixels, at most
 * @returns {Promise<Blob>}
 */
export async function thumbnail({width, height, data}, longerSide) {
  const scale = Math.min(1, longerSide / Math.max(width, height));
  const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const bitmap = await createImageBitmap(new ImageData(data, width, height), {
    resizeWidth,
    resizeHeight,
    resizeQuality: 'high',
  });
  const canvas = new OffscreenCanvas(resizeWidth, resizeHeight);
  contextOf(canvas).drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({type: 'image/jpeg', quality: 0.85});
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
