package route

import (
	"slices"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
)

// WaitsIn is what a private vector's registration waits for, in a language.
func WaitsIn(l explain.Language, text string) string {
	if l == explain.English {
		return text
	}
	return waits.chinese(text)
}

// NoteIn is what failed beside an answer, a thing on each line, in a language. What the system says of it may stay in English.
func NoteIn(l explain.Language, text string) string {
	if l == explain.English || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		what, why, _ := strings.Cut(line, ": ")
		if plain := Plain(why); plain != "" {
			line = what + ": " + plain
		}
		lines[i] = notes.chinese(line)
	}
	return strings.Join(lines, "\n")
}

var (
	waits = telling{patterns: sync.OnceValue(func() []pattern { return compiled(chineseWaits()) })}
	notes = telling{patterns: sync.OnceValue(func() []pattern { return compiled(slices.Concat(chineseNotes(), chineseTroubles())) })}
)

// chineseWaits are what vector.Waits says, in English and in Chinese.
func chineseWaits() [][2]string {
	return [][2]string{
		{"the nodes check its entries", "各节点正在检查其内容"},
		{"the nodes check that their shares are of one vector", "各节点正在核对其份额是否属于同一私有向量"},
		{"waiting for %s to store its share; all nodes must be up", "等待 %s 存储份额；所有节点都须在线"},
		{"waiting for %s to check its share; all nodes must be up", "等待 %s 检查份额；所有节点都须在线"},
	}
}

// chineseNotes are what may fail beside an answer, in English as package ask says it, and in Chinese.
func chineseNotes() [][2]string {
	return [][2]string{
		{"forget the envelope of query %s: %s", "查询 %s 的信封未能从本机删除：%s"},
		{"keep the answer in the own store: %s", "答案未能存入本机：%s"},
		{"remove old answers from the own store: %s", "旧答案未能从本机删除：%s"},
	}
}
