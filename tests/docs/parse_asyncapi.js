// AsyncAPI's own parser: says what it finds in the file named, and fails when there is an error among it.
// usage: node parse_asyncapi.js PARSER FILE
globalThis.self = globalThis.window = globalThis; // its bundle is made for browsers
const [parser, file] = process.argv.slice(2);
const Parser = require(parser);
new Parser().validate(require("fs").readFileSync(file, "utf8")).then((found) => {
  const errors = found.filter(({ severity }) => severity === 0);
  for (const { message, path } of errors) console.error(`${path.join(".")}: ${message}`);
  process.exitCode = errors.length ? 1 : 0;
});
