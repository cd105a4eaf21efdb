package main

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// palette tells lines apart, for those too who see few colours.
var palette = []color.Color{
	color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff},
	color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff},
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
}

// draw writes a plot as SVG, both axes logarithmic: there, what grows in
// proportion is a line that rises by a decade a decade, and what is flat is flat.
func (g grown) draw(p plotted, file string) error {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	chart := plot.New()
	chart.Title.Text, chart.X.Label.Text, chart.Y.Label.Text = p.title, g.X, p.y
	chart.Title.Padding = vg.Points(8)
	chart.X.Scale, chart.Y.Scale = plot.LogScale{}, plot.LogScale{}
	var ticks plot.ConstantTicks
	for _, x := range g.Points {
		ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'f', -1, 64)})
	}
	chart.X.Tick.Marker, chart.Y.Tick.Marker = ticks, plot.LogTicks{Prec: -1}
	chart.Legend.Top, chart.Legend.Left = true, true
	chart.Legend.Padding = vg.Points(4)
	chart.Add(plotter.NewGrid())
	low, high := math.Inf(1), math.Inf(-1)
	for i, l := range p.lines {
		points := make(plotter.XYs, len(g.Points))
		for j, x := range g.Points {
			points[j] = plotter.XY{X: x, Y: g.Values[j][l.metric]}
			low, high = min(low, points[j].Y), max(high, points[j].Y)
		}
		drawn, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		drawn.Color, drawn.Width = palette[i%len(palette)], vg.Points(2)
		marks.Color, marks.Shape, marks.Radius = drawn.Color, shapes[i%len(shapes)], vg.Points(3)
		chart.Add(drawn, marks)
		if unit := " " + p.y; len(p.lines) > 1 {
			chart.Legend.Add(strings.TrimSuffix(strings.TrimSuffix(l.metric, unit), ":"), drawn, marks)
		}
	}
	// Whole decades with one of room for the legend: a flat line looks flat.
	chart.Y.Min, chart.Y.Max = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high))+1)
	for _, size := range []*font.Length{&chart.X.Label.TextStyle.Font.Size, &chart.Y.Label.TextStyle.Font.Size, &chart.Legend.TextStyle.Font.Size} {
		*size = vg.Points(11)
	}
	return chart.Save(16*vg.Centimeter, 10*vg.Centimeter, file)
}

var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}}
