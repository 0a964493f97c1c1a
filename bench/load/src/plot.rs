//! Pictures of docs/benchmarks.json. They have a background of their own, and turn dark where the reader likes it dark.

use std::fs;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;

pub type Error = Box<dyn std::error::Error>;

pub const SIZE: (u32, u32) = (880, 460);
pub const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
pub const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
const DARK: &str = r##"<style>@media (prefers-color-scheme: dark) {
    [fill="#FFFFFF"] { fill: #0d1117 } text { fill: #e6edf3 }
    [stroke="#1F2328"] { stroke: #8b949e } [stroke="#D8DEE4"] { stroke: #30363d }
}</style>"##;
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0x1a, 0x7f, 0x37),
    RGBColor(0xd1, 0x57, 0x04),
    RGBColor(0x21, 0x8b, 0xff),
    RGBColor(0xa4, 0x75, 0xf9),
    RGBColor(0xbf, 0x87, 0x00),
    RGBColor(0x76, 0x81, 0x8b),
];

/// Draws what there is to draw.
pub fn draw(figures: &Path, directory: &Path) -> Result<(), Error> {
    let figures: Value = serde_json::from_str(&fs::read_to_string(figures)?)?;
    let protocols = [("h1", "HTTP/1.1"), ("tls", "TLS"), ("h2", "HTTP/2")];
    let two = [("module", "limit_body"), ("nginx", "nginx alone")];

    let grown = |part: &str, figure: &str| {
        let mut lines = Vec::new();
        for (colour, (protocol, title)) in protocols.iter().enumerate() {
            for (style, (server, name)) in two.iter().enumerate() {
                let rows = rows(&figures[part], &[("protocol", protocol), ("server", server)]);
                let points = rows.iter().filter_map(|row| Some((row["connections"].as_f64()?, median(row, figure)?)));
                lines.push(Line {
                    name: format!("{title}, {name}"),
                    colour: COLOURS[colour],
                    is_thin: style == 1,
                    points: points.collect(),
                });
            }
        }
        lines
    };
    let up_to = |lines: Vec<Line>, scale: f64| -> Vec<Line> {
        lines
            .into_iter()
            .map(|line| Line { points: line.points.iter().map(|p| (p.0, p.1 / scale)).collect(), ..line })
            .collect()
    };
    chart_lines(
        &directory.join("bench-refusals.svg"),
        "Refusals as connections grow",
        "refusals per second",
        &grown("growth", "refusals_per_second"),
    )?;
    chart_lines(
        &directory.join("bench-memory.svg"),
        "Memory of clients that are refused and do not end",
        "the worker's memory, KiB",
        &up_to(grown("memory", "worker_bytes"), 1024.0),
    )?;

    let name = |row: &Value| row["name"].as_str().unwrap_or_default().to_owned();
    let servers: Vec<(String, String)> = rows(&figures["refusals"], &[("protocol", "h1")])
        .iter()
        .filter(|row| row["keepalive"] == false)
        .map(|row| (row["server"].as_str().unwrap_or_default().to_owned(), name(row)))
        .collect();
    let bars = |part: &str,
                groups: &[(&str, &str)],
                by: &str,
                key: &str,
                of: &[(String, String)],
                figure: &str|
     -> Vec<Bars> {
        let value = |group: &str, member: &str| {
            let rows = rows(&figures[part], &[(by, group), (key, member)]);
            rows.iter().filter(|row| row["keepalive"] != true || group == "h2").find_map(|row| {
                if figure.starts_with("ratio") {
                    row[figure].as_f64()
                } else {
                    median(row, figure)
                }
            })
        };
        of.iter()
            .map(|(member, name)| Bars {
                name: name.clone(),
                heights: groups.iter().map(|(group, _)| value(group, member)).collect(),
            })
            .collect()
    };
    chart_bars(
        &directory.join("bench-servers.svg"),
        "A refusal, by server",
        "CPU time, 1 is nginx alone",
        &protocols.map(|(_, title)| title.to_owned()),
        &bars("refusals", &protocols, "protocol", "server", &servers, "ratio_cpu"),
    )?;

    let cases = [
        ("plain, Content-Length", "Content-Length"),
        ("TLS 1.3, Content-Length", "Content-Length, TLS"),
        ("plain, chunks of 64 KiB", "chunks"),
        ("TLS 1.3, chunks of 64 KiB", "chunks, TLS"),
        ("HTTP/2, TLS 1.3", "HTTP/2"),
    ];
    let drained = bars("drain", &cases, "case", "server", &servers, "cpu_seconds_per_gb");
    chart_bars(
        &directory.join("bench-drain.svg"),
        "To read on after a refusal (no bar: does not)",
        "CPU seconds per GB",
        &cases.map(|(_, title)| title.to_owned()),
        &drained.into_iter().filter(|bars| bars.heights.iter().any(Option::is_some)).collect::<Vec<_>>(),
    )
}

/// The rows of a part that have these values.
fn rows<'a>(part: &'a Value, wanted: &[(&str, &str)]) -> Vec<&'a Value> {
    let is_wanted = |row: &&Value| wanted.iter().all(|(key, value)| row[*key] == *value);
    part.as_array().map(|rows| rows.iter().filter(is_wanted).collect()).unwrap_or_default()
}

fn median(row: &Value, figure: &str) -> Option<f64> {
    row[figure]["median"].as_f64()
}

struct Line {
    name: String,
    colour: RGBColor,
    is_thin: bool,
    /// Those of 0 cannot be drawn.
    points: Vec<(f64, f64)>,
}

fn chart_lines(file: &Path, title: &str, unit: &str, lines: &[Line]) -> Result<(), Error> {
    let heights =
        || lines.iter().flat_map(|line| line.points.iter().map(|point| point.1)).filter(|&height| height > 0.0);
    let least = heights().fold(f64::MAX, f64::min);
    let most = heights().fold(0.0, f64::max);
    let mut drawing = String::new();
    {
        let root = SVGBackend::with_string(&mut drawing, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .caption(title, text(20))
            .x_label_area_size(48)
            .y_label_area_size(80)
            .build_cartesian_2d((1f64..12000f64).log_scale(), (least / 1.5..most * 10.0).log_scale())?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text(14))
            .x_desc("connections at a time (HTTP/2: streams)")
            .y_desc(unit)
            .x_label_formatter(&|number| thousands(*number))
            .y_label_formatter(&|number| thousands(*number))
            .draw()?;
        for line in lines.iter().filter(|line| !line.points.is_empty()) {
            let (colour, width) = (line.colour, if line.is_thin { 1 } else { 3 });
            let points = line.points.iter().copied().filter(|point| point.1 > 0.0);
            let dots = points.clone();
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(width)))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 24, y)], colour.stroke_width(width)));
            chart.draw_series(dots.map(|point| Circle::new(point, width + 1, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(text(14))
            .legend_area_size(32)
            .draw()?;
        root.present()?;
    }
    save(file, &drawing)
}

struct Bars {
    name: String,
    /// One for each group; `None` where there is nothing to show.
    heights: Vec<Option<f64>>,
}

fn chart_bars(file: &Path, title: &str, unit: &str, groups: &[String], series: &[Bars]) -> Result<(), Error> {
    let most = series.iter().flat_map(|bars| bars.heights.iter().flatten().copied()).fold(0.0, f64::max);
    let mut drawing = String::new();
    {
        let root = SVGBackend::with_string(&mut drawing, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .caption(title, text(20))
            .x_label_area_size(32)
            .y_label_area_size(72)
            .build_cartesian_2d(-0.5..groups.len() as f64 - 0.5, 0.0..most * 1.35)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text(14))
            .x_labels(groups.len())
            .x_label_formatter(&|at| groups.get(at.round() as usize).cloned().unwrap_or_default())
            .y_desc(unit)
            .draw()?;
        let width = 0.84 / series.len() as f64;
        for (number, bars) in series.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let left = |group: usize| group as f64 - 0.42 + width * number as f64;
            let heights = || bars.heights.iter().enumerate().filter_map(|(group, height)| Some((group, (*height)?)));
            chart
                .draw_series(heights().map(|(group, height)| {
                    Rectangle::new([(left(group), 0.0), (left(group) + width * 0.92, height)], colour.filled())
                }))?
                .label(&bars.name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
            let above = text(11).pos(Pos::new(HPos::Center, VPos::Bottom));
            chart.draw_series(heights().map(|(group, height)| {
                let figure = if height < 0.995 { format!("{height:.2}") } else { format!("{height:.1}") };
                Text::new(figure, (left(group) + width * 0.46, height), &above)
            }))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(text(14))
            .legend_area_size(20)
            .draw()?;
        root.present()?;
    }
    save(file, &drawing)
}

pub fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// A number as it is read: 10,000.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub fn save(file: &Path, drawing: &str) -> Result<(), Error> {
    let head = drawing.find('>').ok_or("no picture")? + 1;
    fs::write(file, format!("{}\n{DARK}{}\n", &drawing[..head], drawing[head..].trim_end()))?;
    Ok(())
}
