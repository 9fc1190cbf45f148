//go:build !unix

package spill

import "os"

// unname leaves the file its name, since a file in use cannot be removed here: Close does.
func unname(*os.File) error { return nil }
