// Making parts of a drawing.

const SVG = "http://www.w3.org/2000/svg";

export function draw(name, given, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export const box = (x, y, width, height, kind = "") => draw("rect", { x, y, width, height, rx: 4, class: kind });

export const label = (x, y, text, kind = "", anchor = "start") => draw("text", { x, y, class: kind, "text-anchor": anchor }, text);
