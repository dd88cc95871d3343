import type { Process } from '../../pushcommand.ts';

/** scripts ask the command itself, so that they are the same for every version of it. */
const scripts: Readonly<Record<string, string>> = {
  bash: `# source <(epinio completion bash)
_epinio() {
  local IFS=$'\\n'
  COMPREPLY=($(epinio __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _epinio epinio`,
  zsh: `#compdef epinio
# source <(epinio completion zsh)
_epinio() {
  local -a found
  found=("\${(@f)$(epinio __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${#found} && \${#found[1]} )); then compadd -a found; else _files; fi
}
compdef _epinio epinio`,
  fish: `# epinio completion fish | source
function __epinio_complete
  set -l words (commandline -opc) (commandline -ct)
  epinio __complete -- $words[2..-1] 2>/dev/null
end
complete -c epinio -a '(__epinio_complete)'`,
  powershell: `# epinio completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName epinio -ScriptBlock {
  param($word, $ast, $cursor)
  $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($word -eq '') { $words += '' }
  epinio __complete -- @words 2>$null | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}`,
};

export const run = async ({ output }: Process, [shell]: [string]): Promise<void> => output.result(scripts[shell] ?? '');
