package suggest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Period writes the period that text was meant for as calendar.Parse reads
// it: dates with other separators, without leading zeros, in Chinese, in English or
// run together. Empty, or what is no period, when there is none.
func Period(text string) string { return dated(strings.Fields(dateWords(text))) }

// dateWords is text in lower case with spaces between the parts of a date.
func dateWords(text string) string {
	var out []rune
	for _, r := range strings.ToLower(narrow(text)) {
		timeOf := r == 't' && len(out) > 0 && '0' <= out[len(out)-1] && out[len(out)-1] <= '9' // 2024-05-07T13
		if timeOf || unicode.IsSpace(r) || strings.ContainsRune("年月日号时点第/.,-:'\"", r) {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}

// dated writes the parts of a date as ParsePeriod reads it; empty: it is none.
func dated(parts []string) string {
	if len(parts) == 1 {
		parts = runTogether(parts[0])
	}
	var numbers []int
	month, quarter, week := 0, 0, 0
	for _, p := range parts {
		if w := weekOf(p); w > 0 {
			week = w
			continue
		}
		if q := quarterOf(p); q > 0 {
			quarter = q
			continue
		}
		if m := monthNamed(p); m > 0 {
			month = m
			continue
		}
		n, err := strconv.Atoi(p)
		if err != nil || len(p) > 4 {
			return ""
		}
		numbers = append(numbers, n)
	}
	if week > 0 && len(numbers) == 1 && month == 0 && quarter == 0 && numbers[0] >= 1000 {
		return fmt.Sprintf("%04d-W%02d", numbers[0], week)
	}
	if week > 0 {
		return ""
	}
	return datedAs(numbers, month, quarter)
}

// weekOf reads w5 and 5周; 0 for anything else.
func weekOf(s string) int {
	which, found := strings.CutPrefix(s, "w")
	if !found {
		which, found = strings.CutSuffix(s, "周")
	}
	n, err := strconv.Atoi(which)
	if !found || err != nil || n < 1 || n > 53 {
		return 0
	}
	return n
}

// datedAs writes year, month, day, hour and minute, or a quarter of a year.
func datedAs(n []int, month, quarter int) string {
	last := len(n) - 1
	if last > 0 && n[0] < 100 && n[last] >= 1000 && last <= 2 {
		slices.Reverse(n) // 05/2024, 7.5.2024
	}
	for len(n) > 5 && n[len(n)-1] == 0 {
		n = n[:len(n)-1] // seconds
	}
	if len(n) == 5 && n[4] == 0 {
		n = n[:4] // a whole hour
	}
	if month > 0 && len(n) > 0 {
		n = slices.Insert(n, 1, month)
	}
	forms := []string{"%04d", "%04d-%02d", "%04d-%02d-%02d", "%04d-%02d-%02dT%02d", "%04d-%02d-%02dT%02d:%02d"}
	switch {
	case len(n) == 0 || len(n) > len(forms) || n[0] < 1000:
		return ""
	case quarter > 0 && len(n) == 1:
		return fmt.Sprintf("%04d-Q%d", n[0], quarter)
	case quarter > 0:
		return ""
	}
	values := make([]any, len(n))
	for i, v := range n {
		values[i] = v
	}
	return fmt.Sprintf(forms[len(n)-1], values...)
}

// runTogether splits 202405, 20240507, 2024050713, 2024q1 and 2024w5.
func runTogether(s string) []string {
	if len(s) > 4 && (s[4] == 'q' || s[4] == 'w') {
		return []string{s[:4], s[4:]}
	}
	if len(s) < 6 || len(s)%2 == 1 || strings.Trim(s, "0123456789") != "" {
		return []string{s}
	}
	out := []string{s[:4]}
	for s = s[4:]; len(s) > 0; s = s[2:] {
		out = append(out, s[:2])
	}
	return out
}

// quarterOf reads q1, 1季 and 一季度; 0 for anything else.
func quarterOf(s string) int {
	which, found := strings.CutPrefix(s, "q")
	for _, suffix := range []string{"季度", "季"} {
		if !found {
			which, found = strings.CutSuffix(s, suffix)
		}
	}
	for i, name := range []string{"1一", "2二", "3三", "4四"} {
		if found && which != "" && strings.Contains(name, which) {
			return i + 1
		}
	}
	return 0
}

var monthNames = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// monthNamed is the number of an English month; 0 for anything else.
func monthNamed(s string) int {
	if len(s) < 3 {
		return 0
	}
	return slices.Index(monthNames, s[:3]) + 1
}
