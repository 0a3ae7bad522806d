# Bounds on what one reads at once: 800 lines a file, 70 lines a C function from its first line to its brace.
#
# awk -f bounds.awk FILE...: a line for each breach, exit status 1 when there are any. Functions of more than 5
# parameters are named as a note and are no breach. C is read as clang-format writes it (style/format sees to that): a
# function's body starts with a brace in the first column and ends with one, and nothing else does.

BEGIN {
    file_lines_max = 800
    function_lines_max = 70
    parameters_max = 5
}

function breach(file, line, text) {
    printf "%s:%d: %s\n", file, line, text
    breaches++
}

function end_file() {
    if (lines > file_lines_max)
        breach(file, lines, lines " lines; at most " file_lines_max ", split the file by what it is about")
}

# The parameters of a declarator: the commas at depth one of its last pair of parentheses at depth zero.
function parameters(declarator,    i, c, depth, commas, result) {
    for (i = 1; i <= length(declarator); i++) {
        c = substr(declarator, i, 1)
        if (c == "(" && ++depth == 1)
            commas = 0
        else if (c == ")" && --depth == 0)
            result = commas + 1
        else if (c == "," && depth == 1)
            commas++
    }
    return result
}

function name_of(declarator) {
    sub(/\(.*/, "", declarator)
    sub(/^.*[ *]/, "", declarator)
    return declarator
}

FNR == 1 {
    if (file)
        end_file()
    file = FILENAME
    is_c = file ~ /\.(c|h|inc)$/
    declarator = ""
    in_function = 0
}

{ lines = FNR }

!is_c { next }

/^\{/ && declarator ~ /\)[^;]*$/ {
    in_function = 1
    if (parameters(declarator) > parameters_max)
        printf "%s:%d: note: %s takes %d parameters\n", file, first_line, name_of(declarator), parameters(declarator)
    next
}

/^\}/ && in_function {
    in_function = 0
    if (FNR - first_line + 1 > function_lines_max)
        breach(file, first_line, name_of(declarator) " has " (FNR - first_line + 1) " lines; at most " \
               function_lines_max)
    declarator = ""
    next
}

in_function { next }

# Outside functions: gather a declarator, which starts in the first column and goes on in indented lines.
/^[A-Za-z_]/ {
    declarator = $0
    first_line = FNR
    next
}
/^[ \t]/ && declarator != "" {
    declarator = declarator " " $0
    next
}
{ declarator = "" }

END {
    end_file()
    exit breaches > 0
}
