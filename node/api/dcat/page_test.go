package dcat

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/weirdata/weir/catalog"
)

// elements are the names of a page's elements, and every attribute that it has, in its order.
func elements(t *testing.T, page []byte) (names, attributes []string, text string) {
	t.Helper()
	var all strings.Builder
	for z := html.NewTokenizer(strings.NewReader(string(page))); ; {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				t.Fatal(z.Err())
			}
			return names, attributes, all.String()
		case html.TextToken:
			all.WriteString(z.Token().Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			names = append(names, token.Data)
			for _, a := range token.Attr {
				attributes = append(attributes, a.Key)
			}
		}
	}
}

// What a publisher wrote is text, whatever it is: the page has the elements and attributes that it has of a tame listing.
func TestAPageHasNothingOfWhatPublishersWriteButText(t *testing.T) {
	cluster, l := example()
	tame, err := Page(cluster, []Listing{l}, Part{}, "en")
	if err != nil {
		t.Fatal(err)
	}
	names, attributes, _ := elements(t, tame)
	if slices.Contains(names, "script") || slices.ContainsFunc(attributes, func(a string) bool { return strings.HasPrefix(a, "on") }) {
		t.Errorf("the page has a script: %v", names)
	}
	for _, hostile := range []string{
		`<script>alert(1)</script>`, `</h2><img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`, `' onmouseover='alert(1)`, "</style><script>", "</title><script>",
		`{{.Style}}`, "&lt;script&gt;", "<!--", "]]>", "javascript:alert(1)",
	} {
		h := l
		h.Owner = hostile
		h.Dataset.Descriptor.Title, h.Dataset.Descriptor.Description = catalog.Text{EN: hostile}, catalog.Text{EN: hostile}
		h.Dataset.Descriptor.License = hostile
		h.Dataset.Descriptor.Measures = slices.Clone(l.Dataset.Descriptor.Measures)
		h.Dataset.Descriptor.Measures[0].Unit = hostile
		page, err := Page(catalog.Cluster{Name: hostile, Nodes: cluster.Nodes}, []Listing{h}, Part{After: hostile, Next: hostile}, "en")
		if err != nil {
			t.Fatal(err)
		}
		gotNames, gotAttributes, text := elements(t, page)
		tameDescribed := slices.DeleteFunc(slices.Clone(gotNames), func(n string) bool { return n == "a" || n == "p" })
		if want := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "a" || n == "p" }); !slices.Equal(tameDescribed, want) {
			t.Errorf("%q makes elements %v, want %v", hostile, tameDescribed, want)
		}
		if slices.ContainsFunc(gotAttributes, func(a string) bool { return !slices.Contains(append(attributes, "rel"), a) }) {
			t.Errorf("%q makes attributes %v", hostile, gotAttributes)
		}
		if strings.Count(text, hostile) < 5 {
			t.Errorf("%q is not shown as it is:\n%s", hostile, text)
		}
		if regexp.MustCompile(`href="(?i)javascript:`).Match(page) {
			t.Errorf("%q is an address", hostile)
		}
	}
}

func TestAPageTellsADatasetInBothLanguages(t *testing.T) {
	cluster, l := example()
	for language, words := range map[string][]string{"en": {"Works", "Publisher", "Bureau", "2024-01-01/2024-02-29"}, "zh": {"企业", "发布方", "Bureau"}} {
		page, err := Page(cluster, []Listing{l}, Part{Next: "wells", Limit: 1}, language)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range append(words, `itemtype="https://schema.org/Dataset"`, `href="/catalog.html?after=wells&amp;limit=1"`, `href="/v1/catalog?limit=1"`) {
			if !strings.Contains(string(page), w) {
				t.Errorf("the page in %s lacks %s:\n%s", language, w, page)
			}
		}
		style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindSubmatch(page)
		if style == nil {
			t.Fatal("it has no style")
		}
		if sum := sha256.Sum256(style[1]); !strings.Contains(PagePolicy, base64.StdEncoding.EncodeToString(sum[:])) {
			t.Error("its policy forbids its style")
		}
	}
	if page, err := Page(cluster, nil, Part{}, "en"); err != nil || !strings.Contains(string(page), "Nothing is listed here.") {
		t.Errorf("an empty page is %s, %v", page, err)
	}
}

func TestThePagesLanguageIsTheReadersFirst(t *testing.T) {
	for accept, want := range map[string]string{
		"": "en", "zh-CN,zh;q=0.9,en;q=0.8": "zh", "en-GB,en;q=0.9,zh;q=0.8": "en", "fr, zh;q=0.1": "zh", "fr": "en", "en;q=0.2, ZH-Hans;q=0.5": "zh",
		"zh;q=x": "en", "zh;q=0": "en", "zh;q=7, en": "en", ",,;": "en",
	} {
		if got := Language(accept); got != want {
			t.Errorf("%q is %s, want %s", accept, got, want)
		}
	}
}
