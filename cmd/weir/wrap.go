package main

import (
	"io"
	"slices"
	"strings"
)

// wrapped breaks text into lines that a terminal shows in so many columns: at blanks,
// after characters that are two wide, and, where there is neither, anywhere.
func wrapped(text string, columns int) []string {
	var lines []string
	line, width := "", 0
	end := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line, width = "", 0
	}
	for _, piece := range pieces(printable(text)) {
		if width > 0 && width+textWidth(strings.TrimRight(piece, " ")) > columns {
			end()
		}
		for textWidth(strings.TrimRight(piece, " ")) > columns { // a word that is wider than a line
			head := fitting(piece, columns)
			lines, piece = append(lines, head), piece[len(head):]
		}
		line += piece
		width += textWidth(piece)
	}
	if strings.TrimSpace(line) != "" || len(lines) == 0 {
		end()
	}
	return lines
}

// pieces cuts text where a line may end: each piece has its blanks at its end. No line
// begins with what closes, or ends with what opens.
func pieces(text string) []string {
	const closes, opens = "，。；：、）", "（"
	var all []string
	start, last := 0, rune(0)
	for i, r := range text {
		switch {
		case i == 0 || r == ' ' || strings.ContainsRune(closes, r) || strings.ContainsRune(opens, last):
		case last == ' ' || isWide(r) || isWide(last):
			all = append(all, text[start:i])
			start = i
		}
		last = r
	}
	return append(all, text[start:])
}

func isWide(r rune) bool { return r > 0x7f && textWidth(string(r)) == 2 }

// fitting is the longest beginning of text that fits, one character at least.
func fitting(text string, columns int) string {
	for i, r := range text {
		if columns -= textWidth(string(r)); columns < 0 && i > 0 {
			return text[:i]
		}
	}
	return text
}

// writeWrapped writes text in lines of so many columns, each after the indent.
func writeWrapped(b *strings.Builder, text, indent string, columns int) {
	for _, line := range wrapped(text, columns-len(indent)) {
		b.WriteString(indent + line + "\n")
	}
}

// narrowestColumn is how narrow writeFitted makes a column.
const narrowestColumn = 9

// writeFitted is writeTable for a table that is to be no wider than so many columns: the
// last of the widest columns are made narrower, and their cells take several lines.
func writeFitted(w io.Writer, s sheet, columns int) error {
	widths := make([]int, len(s.head))
	for _, line := range append([][]string{s.head}, s.rows...) {
		for i, cell := range line {
			widths[i] = max(widths[i], textWidth(printable(cell)))
		}
	}
	total := 2 * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	for ; total > columns; total-- {
		widest := len(widths) - 1
		for i := range slices.Backward(widths) {
			// What comes first says what the row is about, and is narrowed last.
			if i > 0 && widths[i] > widths[widest] || i == 0 && 2*widths[0] > 3*widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowestColumn {
			break
		}
		widths[widest]--
	}
	fitted := sheet{head: make([]string, len(s.head))}
	for at, line := range append([][]string{s.head}, s.rows...) {
		parts, height := make([][]string, len(line)), 0
		for i, cell := range line {
			parts[i] = wrapped(cell, widths[i])
			height = max(height, len(parts[i]))
		}
		for y := range height {
			row := make([]string, len(line))
			for i := range line {
				if y < len(parts[i]) {
					row[i] = parts[i][y]
				}
			}
			if at == 0 && y == 0 {
				fitted.head = row
			} else {
				fitted.rows = append(fitted.rows, row)
			}
		}
	}
	return writeTable(w, fitted)
}
