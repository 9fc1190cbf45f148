// Package strictjson reads the JSON that this program wrote itself: key files,
// profiles, records in the vault, requests between nodes. It takes exactly one value,
// white space around it allowed, and no field that is not asked for: what is not
// understood may be what a newer version wrote, and is not left out in silence.
//
// Its errors name fields and never quote what is in them, which may be secret.
//
// It lets a field pass that occurs twice. What several parties must read alike is not
// read with it: signed payloads (package catalog) and clients' requests (package api)
// have stricter readers of their own, and manifests have one spelling.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Decode reads the one value in b.
func Decode(b []byte, into any) error { return Read(bytes.NewReader(b), into) }

// Read reads the one value that r has, to its end. What r fails with is wrapped.
func Read(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return fmt.Errorf("field %q has the wrong type", wrong.Field)
		}
		return fmt.Errorf("not the expected JSON object: %w", err)
	}
	switch _, err := d.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return errors.New("more than one JSON value")
	default:
		return fmt.Errorf("behind the JSON value: %w", err)
	}
}
