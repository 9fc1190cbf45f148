package dcat

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// pageStyle is the page's style sheet. It is in the page, and the policy has its hash.
const pageStyle = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,'Noto Sans','PingFang SC','Microsoft YaHei',sans-serif;max-width:52rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}article{border-top:1px solid #8888;padding:.5rem 0}h1{font-size:1.6rem}h2{font-size:1.15rem;margin:.4rem 0}p{margin:.3rem 0}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.4rem 0}dt{opacity:.8}dd{margin:0}`

// PagePolicy is the content policy that the page is served with: nothing is loaded and nothing runs. Its one style sheet
// is the one in it.
var PagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// pageWords are the page's words in a language.
type pageWords struct {
	Lang, About, None, Measures, Time, Entities, License, Publisher, Access, Open, Contract, Next, Beside, How string
}

var pageLanguages = map[string]pageWords{
	"en": {
		"en", "Datasets whose readings stay encrypted. Sums, averages and counts of them are answered under a contract; nobody gets a reading.",
		"Nothing is listed here.", "Measures", "Time", "Entities", "License", "Publisher", "Access", "public", "under a contract", "More datasets",
		"The same as data (DCAT 3 in JSON-LD)", "To order and to ask, run weir desk on your own machine: keys and figures stay there.",
	},
	"zh": {
		"zh-CN", "这些数据集的读数始终加密。按合同答复其合计、平均和计数；任何人都得不到单个读数。",
		"这里没有数据集。", "指标", "时间", "实体", "许可", "发布方", "获取方式", "公开", "需要合同", "更多数据集",
		"同样内容的数据（DCAT 3，JSON-LD）", "订购和查询请在自己的机器上运行 weir desk：密钥和结果都留在那里。",
	},
}

// Language is the language of a page for whoever sends such an Accept-Language: zh or en.
func Language(accept string) string {
	best, weight := "en", 0.0
	for _, part := range strings.Split(accept, ",") {
		tag, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if text, has := strings.CutPrefix(strings.TrimSpace(parameters), "q="); has {
			n, err := strconv.ParseFloat(text, 64)
			if err != nil || n < 0 || n > 1 {
				continue
			}
			q = n
		}
		name, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if _, known := pageLanguages[name]; known && q > weight {
			best, weight = name, q
		}
	}
	return best
}

// pageText is a text that somebody wrote, and its language where it is not the page's.
type pageText struct{ Text, Lang string }

func textIn(t catalog.Text, language, other string) pageText {
	own, foreign, lang := t.EN, t.ZH, "zh-CN"
	if language == "zh" {
		own, foreign, lang = t.ZH, t.EN, "en"
	}
	switch {
	case own != "":
		return pageText{Text: own}
	case foreign != "":
		return pageText{foreign, lang}
	}
	return pageText{Text: other}
}

// pageRow is a dataset on the page.
type pageRow struct {
	ID, License, Publisher, Span, Interval string
	Title, Description                     pageText
	Measures                               []catalog.Measure
	Entities                               int
	Public                                 bool
}

// Page is a part of the catalog as a page of HTML without a script, with schema.org in microdata, for people who have no
// program of ours. What publishers wrote is text in it, whatever it is.
func Page(cluster catalog.Cluster, listings []Listing, p Part, language string) ([]byte, error) {
	words, known := pageLanguages[language]
	if !known {
		return nil, fmt.Errorf("a page in the language %q is not written", language)
	}
	data := struct {
		W          pageWords
		Title, Dat string
		Style      template.CSS
		Next       string
		Rows       []pageRow
	}{W: words, Title: "Weir " + cluster.Name, Dat: p.address("/v1/catalog", p.After), Next: p.next("/catalog.html"), Style: template.CSS(pageStyle)} //nolint:gosec // G203: a constant
	for _, l := range listings {
		d := l.Dataset.Descriptor
		row := pageRow{
			ID: l.Dataset.ID, License: d.License, Publisher: l.Owner, Public: d.Policy.Public, Measures: d.Measures,
			Title: textIn(d.Title, language, l.Dataset.ID), Description: textIn(d.Description, language, ""),
		}
		for _, v := range l.Versions {
			if v.Version == l.Dataset.Live {
				end := v.First + int64(v.Periods) - 1
				row.Entities, row.Span = v.Entities, d.Grain.Format(v.First)+" – "+d.Grain.Format(end)
				row.Interval = calendar.Day.Format(d.Grain.Span(v.First, calendar.Day).From) + "/" + calendar.Day.Format(d.Grain.Span(end, calendar.Day).To-1)
			}
		}
		data.Rows = append(data.Rows, row)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("write the catalog's page: %w", err)
	}
	return b.Bytes(), nil
}

var pageTemplate = template.Must(template.New("catalog").Parse(`<!doctype html>
<html lang="{{.W.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title><link rel="alternate" type="application/ld+json" href="{{.Dat}}"><style>{{.Style}}</style></head>
<body itemscope itemtype="https://schema.org/DataCatalog">
<header><h1 itemprop="name">{{.Title}}</h1><p itemprop="description">{{.W.About}}</p></header>
<main>{{range .Rows}}
<article itemprop="dataset" itemscope itemtype="https://schema.org/Dataset">
<h2 itemprop="name"{{with .Title.Lang}} lang="{{.}}"{{end}}>{{.Title.Text}}</h2>
{{with .Description}}{{if .Text}}<p itemprop="description"{{with .Lang}} lang="{{.}}"{{end}}>{{.Text}}</p>
{{end}}{{end}}<dl><dt>Id</dt><dd><code itemprop="identifier">{{.ID}}</code></dd>
<dt>{{$.W.Publisher}}</dt><dd itemprop="publisher" itemscope itemtype="https://schema.org/Organization"><span itemprop="name">{{.Publisher}}</span></dd>
<dt>{{$.W.Measures}}</dt><dd>{{range $i, $m := .Measures}}{{if $i}}, {{end}}<span itemprop="variableMeasured" itemscope itemtype="https://schema.org/PropertyValue"><span itemprop="name">{{$m.Name}}</span> (<span itemprop="unitText">{{$m.Unit}}</span>)</span>{{end}}</dd>
{{if .Span}}<dt>{{$.W.Time}}</dt><dd>{{.Span}}<meta itemprop="temporalCoverage" content="{{.Interval}}"></dd>
<dt>{{$.W.Entities}}</dt><dd>{{.Entities}}</dd>
{{end}}<dt>{{$.W.License}}</dt><dd itemprop="license">{{.License}}</dd>
<dt>{{$.W.Access}}</dt><dd>{{if .Public}}{{$.W.Open}}{{else}}{{$.W.Contract}}{{end}}<meta itemprop="isAccessibleForFree" content="{{.Public}}"></dd></dl>
</article>{{else}}
<p>{{.W.None}}</p>{{end}}
</main>
<footer>{{with .Next}}<p><a rel="next" href="{{.}}">{{$.W.Next}}</a></p>
{{end}}<p>{{.W.How}}</p><p><a href="{{.Dat}}">{{.W.Beside}}</a></p></footer>
</body></html>
`))
