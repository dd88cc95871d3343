import { execFileSync } from 'node:child_process';

const literal = (value: unknown): string => {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return `{${value.map(literal).join(',')}}`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, v]) => `[${text(key)}]=${literal(v)}`)
      .join(',')}}`;
  return typeof value === 'string' ? text(value) : JSON.stringify(value);
};

/** JSON's escapes are not Lua's; decimal ones are, byte by byte. */
const text = (value: string): string =>
  `"${[...Buffer.from(value)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;

// Argo CD gives a script the base and table functions, and of os the clock, which has to be required.
const prelude = `
local format, write, clock = string.format, io.write, { date = os.date, time = os.time }
local function quoted(s)
  local out = s
  return format("%q", out)
end
local function json(v)
  if type(v) ~= "table" then return type(v) == "string" and quoted(v) or tostring(v) end
  local parts = {}
  if #v > 0 then
    for _, x in ipairs(v) do parts[#parts + 1] = json(x) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for k, x in pairs(v) do parts[#parts + 1] = quoted(k) .. ":" .. json(x) end
  return "{" .. table.concat(parts, ",") .. "}"
end
string, io, os, debug, package, math, coroutine, module = nil
require = function(name) return name == "os" and clock or error("there is no module " .. name) end
getmetatable("").__index = nil
`;

/** runLua runs one script on each object, as Argo CD runs those of its configuration: obj in, a value out. */
export const runLua = (script: string, objects: readonly object[]): unknown[] => {
  const calls = objects.map((object) => `write(json(run(${literal(object)})), "\\n")`);
  const program = `${prelude}\nlocal function run(obj)\n${script}\nend\n${calls.join('\n')}\n`;
  const out = execFileSync('lua5.1', ['-'], { input: program, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
};
