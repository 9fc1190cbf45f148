package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// listCommands are the commands that list what a message says there is not, and how the ids
// of these begin, where they do.
var listCommands = []struct{ what, id, command string }{
	{"dataset", "", "weir dataset list"},
	{"registry", "", "weir registry list"},
	{"order", "o-", "weir order list"},
	{"contract", "c-", "weir contract list"},
}

// suggestList says where to look for what there is not, by the message that says so; empty
// where there is nothing to say.
func suggestList(message string) string {
	for _, l := range listCommands {
		id, found := strings.CutPrefix(message, "there is no "+l.what+" ")
		if !found {
			continue
		}
		for _, other := range listCommands {
			if other.id != "" && other.id != l.id && strings.HasPrefix(strings.Trim(id, `"`), other.id) {
				return fmt.Sprintf("that is the id of a%s %s; see `%s`", map[bool]string{true: "n"}[other.what == "order"], other.what, l.command)
			}
		}
		return fmt.Sprintf("see `%s`", l.command)
	}
	return ""
}

// describeFileError returns an error's message with what is wrong with a file in the words that all
// messages about files have, and the file named once.
func describeFileError(err error) string {
	message := strings.TrimSpace(err.Error())
	var at *fs.PathError
	if !errors.As(err, &at) {
		return message
	}
	what := ""
	switch {
	case errors.Is(at, fs.ErrNotExist):
		what = "there is no such file"
	case errors.Is(at, fs.ErrPermission):
		what = "you may not use this file"
	case errors.Is(at, syscall.EISDIR):
		what = "is a directory, not a file"
	case errors.Is(at, syscall.ENOTDIR):
		what = "a file is in the place of a directory"
	default:
		return message
	}
	message = strings.Replace(message, at.Error(), at.Path+": "+what, 1)
	for _, doing := range []string{"open ", "read ", "opening ", "reading "} {
		message = strings.Replace(message, doing+at.Path+": "+at.Path+": ", at.Path+": ", 1)
	}
	return message
}
