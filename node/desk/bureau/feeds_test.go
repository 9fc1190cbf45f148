package bureau

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/client/feed"
)

// What a feed counts has a word in both languages, and the page has no word for what no feed counts.
func TestKindsThatFeedsCountHaveWords(t *testing.T) {
	kinds := map[string]bool{}
	find := func(file, prefix string, form string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("..", "..", "client", "feed", filepath.FromSlash(file)))
		found := regexp.MustCompile(form).FindAllStringSubmatch(string(b), -1)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: nothing is %s, %v", file, form, err)
		}
		for _, f := range found {
			kinds[prefix+f[1]] = true
		}
	}
	find("take.go", "passed.", `passOver\("([a-z_]+)"`)
	find("hj212/decoder.go", "frame.", ` Fault = "([a-z_]+)"`)
	find("hj212/decoder.go", "lenient.", ` Leniency = "([a-z_]+)"`)
	find("files.go", "frame.", `Faults\["([a-z_]+)"\]`)
	find("lines.go", "frame.", `Faults\["([a-z_]+)"\]`)
	for _, name := range []string{"en.json", "zh.json"} {
		b, err := os.ReadFile(filepath.Join("..", "web", "src", name))
		words := map[string]string{}
		if err != nil || json.Unmarshal(b, &words) != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for kind := range kinds {
			if words[kind] == "" {
				t.Errorf("%s has no word for %s", name, kind)
			}
		}
		for kind := range words {
			if of, _, _ := strings.Cut(kind, "."); (of == "passed" || of == "frame" || of == "lenient") && !kinds[kind] {
				t.Errorf("%s has a word for %s, which no feed counts", name, kind)
			}
		}
	}
}

func TestFeedsAreToldInTheLanguageOfTheRequest(t *testing.T) {
	all := Feeds{Feeds: []Feed{{Fault: "read the configuration: open feed.yaml: no such file or directory"}, {State: &feed.State{
		Error: &feed.Happened{What: "all sources have ended"}, Examples: map[string]string{"unknown_code": "a01 of device 7"},
		Sources: map[string]*feed.SourceState{"tower": {Error: &feed.Happened{What: "line 4: has \"x\" twice"}}},
	}}}}
	zh := all.In(explain.Chinese)
	for got, want := range map[string]string{
		zh.Feeds[0].Fault:                                 "读取配置：文件不存在（open feed.yaml: no such file or directory）",
		zh.Feeds[1].State.Error.What:                      "所有来源均已结束",
		zh.Feeds[1].State.Examples["unknown_code"]:        "设备 7 的 a01",
		zh.Feeds[1].State.Sources["tower"].Error.What:     "第 4 行：\"x\" 重复出现",
		all.Feeds[1].State.Examples["unknown_code"]:       "a01 of device 7",
		all.Feeds[1].State.Sources["tower"].Error.What:    "line 4: has \"x\" twice",
		all.In(explain.English).Feeds[1].State.Error.What: "all sources have ended",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
