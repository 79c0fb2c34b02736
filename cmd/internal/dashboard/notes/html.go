package notes

import (
	"html/template"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// HTML returns a note as HTML. Anybody may have written it: HTML in it is left out, links lead only
// to safe places, and a picture becomes a link, so that opening a page fetches nothing from elsewhere.
// There are no styles, which a strict Content-Security-Policy would refuse. A note that is very long
// or deeply nested, which could take minutes, is shown as it is.
func (n Note) HTML() template.HTML {
	var b strings.Builder
	if len(n.Body) > longestMarkdown || nested.MatchString(n.Body) || markdown().Convert([]byte(n.Body), &b) != nil {
		return template.HTML("<pre>" + template.HTMLEscapeString(n.Body) + "</pre>")
	}
	return template.HTML(b.String())
}

// longestMarkdown is how many bytes of Markdown are formatted.
const longestMarkdown = 32 << 10

// nested matches quotes and lists in each other, 40 on one line: parsing them takes quadratic time.
var nested = regexp.MustCompile(`(?m)^(?:[ \t]*(?:[>*+-]|[0-9]{1,9}[.)])){40}`)

func markdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(
			extension.Strikethrough, extension.Linkify, extension.TaskList,
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(tame{}, 0))),
	)
}

// tame changes a parsed note to fit into a page.
type tame struct{}

// headings is by how much they are lowered: a page has its own of the first two levels.
const headings = 2

// Transform implements parser.ASTTransformer.
func (tame) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	var images []*ast.Image
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+headings, 6)
		case *ast.Link:
			n.SetAttributeString("rel", []byte("noopener noreferrer nofollow"))
		case *ast.AutoLink:
			n.SetAttributeString("rel", []byte("noopener noreferrer nofollow"))
		case *ast.Image:
			images = append(images, n)
		}
		return ast.WalkContinue, nil
	})
	for _, image := range images {
		var shown ast.Node = ast.NewEmphasis(1)
		for child := image.FirstChild(); child != nil; child = image.FirstChild() {
			shown.AppendChild(shown, child) // which takes it from the picture
		}
		if !shown.HasChildren() {
			shown.AppendChild(shown, ast.NewString([]byte("picture")))
		}
		if !inLink(image) { // links do not nest
			link := ast.NewLink()
			link.Destination, link.Title = image.Destination, image.Title
			link.SetAttributeString("rel", []byte("noopener noreferrer nofollow"))
			link.AppendChild(link, shown)
			shown = link
		}
		image.Parent().ReplaceChild(image.Parent(), image, shown)
	}
}

func inLink(n ast.Node) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if _, ok := p.(*ast.Link); ok {
			return true
		}
	}
	return false
}
