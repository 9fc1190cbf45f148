package route

import (
	"regexp"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
)

// ShortfallIn is what an answer lacks, in sentences of a language.
func ShortfallIn(l explain.Language, sentences []string) []string {
	if l == explain.English || sentences == nil {
		return sentences
	}
	out := make([]string, len(sentences))
	for i, text := range sentences {
		what, names, _ := strings.Cut(text, ": ")
		if of := withheld().FindStringSubmatch(what); of != nil && names != "" {
			out[i] = shortfall.chinese(what) + "：" + groupsInChinese(names)
			continue
		}
		text = more().ReplaceAllString(text, " 等（另有 $1 个）")
		out[i] = periodsInChinese(shortfall.chinese(text))
	}
	return out
}

var (
	shortfall = telling{patterns: sync.OnceValue(func() []pattern { return compiled(chineseShortfall()) })}

	withheld = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d+ groups? withheld by policy$`) })
	more     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`,? and (\d+) more$`) })
	released = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(^the whole)? \((\d+) of (\d+) entities could be released\)`)
	})
)

// groupsInChinese names groups that were withheld. Their values are the dataset's, and stay as they are.
func groupsInChinese(names string) string {
	if names == "the whole" {
		return "整体"
	}
	names = released().ReplaceAllStringFunc(names, func(text string) string {
		of := released().FindStringSubmatch(text)
		if of[1] != "" {
			of[1] = "整体"
		}
		return of[1] + "（" + of[3] + " 个实体中可发布 " + of[2] + " 个）"
	})
	return more().ReplaceAllString(names, " 等（另有 $1 组）")
}

// chineseShortfall is what an answer lacks, in English as compute/result/shortfall.go says it, and in Chinese.
func chineseShortfall() [][2]string {
	return [][2]string{
		{"%s withheld by policy", "按政策不发布 %s"},
		{"1 group", "1 组"},
		{"%d groups", "%s 组"},
		{"1 row is not whole: it covers %d of %d entities", "有 1 行不完整：%[2]s 个实体中只含 %[1]s 个"},
		{"%d rows are not whole: the one that lacks most covers %d of %d entities", "有 %[1]s 行不完整：缺得最多的一行，%[3]s 个实体中只含 %[2]s 个"},
		{"1 row is not whole: periods are left out", "有 1 行不完整：略去了部分时段"},
		{"%d rows are not whole: periods are left out", "有 %s 行不完整：略去了部分时段"},
		{"not in the figures, as nothing is published that can be asked: %s", "结果不含以下时段，因为没有可查询的已发布数据：%s"},
		{"1 row does not have corrections of %s yet", "有 1 行尚未包含 %s的更正"},
		{"1 entity", "1 个实体"},
		{"%d entities", "%s 个实体"},
		{"%d rows do not have corrections of some entities yet, of %d at most", "有 %s 行尚未包含部分实体的更正，每行最多 %s 个"},
	}
}
