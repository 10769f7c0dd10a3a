/** What a shell runs once to learn completion. Each asks the command itself, by the path it was typed with. */

/** Bash takes a colon for the end of a word: what stands before it on the line must not be offered again. */
const BASH = `_holdfast() {
  local IFS=$' \\t\\n' line="\${COMP_LINE:0:COMP_POINT}" words typed
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  typed="\${words[\${#words[@]}-1]}"
  IFS=$'\\n'
  COMPREPLY=($("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null | cut -f 1))
  COMPREPLY=("\${COMPREPLY[@]#"\${typed%"\${typed##*[:=]}"}"}")
}
complete -F _holdfast holdfast
`;

/** Zsh takes a colon for the end of a candidate and the begin of its description. */
const ZSH = `#compdef holdfast
_holdfast() {
  local line about
  local -a candidates
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    about="\${line#*$'\\t'}"
    [[ -n $line ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}\${about:+:$about}")
  done
  _describe holdfast candidates
}
compdef _holdfast holdfast
`;

const FISH = `function __holdfast_complete
  set -l words (commandline -opc)
  set -l typed (commandline -ct)
  $words[1] __complete -- $words[2..-1] "$typed" 2>/dev/null
end
complete -c holdfast -f -a '(__holdfast_complete)'
`;

export const COMPLETION_SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
export const SHELLS = ['bash', 'zsh', 'fish'] as const satisfies readonly (keyof typeof COMPLETION_SCRIPTS)[];
