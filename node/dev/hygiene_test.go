//go:build linux

package dev

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A node's process leaves no core, and what it was started with, which every
// user of the machine may read, holds no secret.
func TestNodesLeaveNoCoresAndShowNoSecrets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	secrets := map[string][]byte{}
	for _, id := range c.IDs() {
		secrets["seal key of "+id] = readAll(t, c.SealKey(id))
	}
	for _, p := range []string{Bureau, Buyer, Operator} {
		secrets["key of the "+p] = readAll(t, c.layout.key(p))
	}
	noCore := regexp.MustCompile(`(?m)^Max core file size\s+0\s+0\s`)
	for _, id := range c.IDs() {
		pid := strings.TrimSpace(string(readAll(t, c.layout.pid(id))))
		if limits := readAll(t, "/proc/"+pid+"/limits"); !noCore.Match(limits) {
			t.Errorf("%s may leave a core:\n%s", id, limits)
		}
		for _, file := range []string{"cmdline", "environ"} {
			text := readAll(t, "/proc/"+pid+"/"+file)
			if file == "cmdline" && !bytes.Contains(text, []byte(c.SealKey(id))) {
				t.Errorf("%s: the arguments do not name the file of the seal key, so this is not the node: %q", id, text)
			}
			for name, secret := range secrets {
				if at := shown(text, secret); at != "" {
					t.Errorf("%s of %s shows the %s: %s", file, id, name, at)
				}
			}
		}
	}
	// The search finds what it looks for.
	for name, secret := range secrets {
		if shown(append([]byte("weir\x00--key\x00"), secret...), secret) == "" {
			t.Errorf("the %s would not be found", name)
		}
	}
}

// shown returns the form in which a part of secret is in text.
func shown(text, secret []byte) string {
	for at := 0; at+16 <= len(secret); at += 8 {
		part := secret[at : at+16]
		for form, b := range map[string][]byte{
			"raw": part, "hexadecimal": []byte(hex.EncodeToString(part)),
			"base64": []byte(base64.RawStdEncoding.EncodeToString(part[:15])),
		} {
			if bytes.Contains(text, b) && len(bytes.TrimSpace(part)) == len(part) {
				return fmt.Sprintf("%s, from byte %d", form, at)
			}
		}
	}
	return ""
}

func readAll(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
