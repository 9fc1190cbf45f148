package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mostScript is how large the scripts may be, compressed, that a page loads before it loads the editor.
const mostScript = 150 << 10

func TestScriptsAreSmallBeforeTheEditorIsLoaded(t *testing.T) {
	total, editor := 0, 0
	err := fs.WalkDir(Files, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".js" {
			return err
		}
		content, err := fs.ReadFile(Files, name)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(content); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if strings.HasPrefix(name, "editor-") {
			editor += b.Len()
		} else {
			total += b.Len()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total == 0 || total > mostScript || editor == 0 {
		t.Errorf("scripts have %d bytes, %d are too many; the editor has %d", total, mostScript, editor)
	}
	t.Logf("scripts have %d bytes, the editor %d more", total, editor)
}

// Both languages have the same texts with the same values in them, and every text that the page names.
func TestBothLanguagesHaveEveryText(t *testing.T) {
	texts := map[string]map[string]string{}
	for _, l := range []string{"en", "zh"} {
		b, err := os.ReadFile(filepath.Join("src", l+".json"))
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		texts[l] = m
	}
	values := regexp.MustCompile(`\{\w+\}`)
	for key, en := range texts["en"] {
		zh, there := texts["zh"][key]
		want, got := map[string]bool{}, map[string]bool{}
		for _, v := range values.FindAllString(en, -1) {
			want[v] = true
		}
		for _, v := range values.FindAllString(zh, -1) {
			got[v] = true
		}
		if !there || len(want) != len(got) {
			t.Errorf("%s is %q and %q", key, en, zh)
		}
		for v := range want {
			if !got[v] {
				t.Errorf("%s lacks %s in Chinese: %q", key, v, zh)
			}
		}
	}
	if len(texts["zh"]) != len(texts["en"]) || len(texts["en"]) < 200 {
		t.Errorf("%d texts in English, %d in Chinese", len(texts["en"]), len(texts["zh"]))
	}
	var sources strings.Builder
	err := filepath.WalkDir("src", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".js" {
			return err
		}
		b, err := os.ReadFile(filepath.Clean(name))
		sources.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`[^\w]t\('([\w.]+)'[,)]|[?:] '([a-z]+\.[a-z.]+)'`).FindAllStringSubmatch(sources.String(), -1)
	if len(named) < 150 {
		t.Errorf("only %d texts are named", len(named))
	}
	used := map[string]bool{}
	for _, m := range named {
		key := m[1] + m[2]
		used[key] = true
		if _, there := texts["en"][key]; !there {
			t.Errorf("the page names %q, which is no text", key)
		}
	}
	for key := range texts["en"] {
		prefix, _, _ := strings.Cut(key, ".")
		if !used[key] && !strings.Contains(sources.String(), "'"+key+"'") && !strings.Contains(sources.String(), "'"+prefix+".'") && !strings.Contains(sources.String(), "`"+prefix+".${") {
			t.Errorf("no page names %q", key)
		}
	}
}
