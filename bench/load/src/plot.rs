//! Pictures of docs/benchmarks.json: each in a light and in a dark form, between which a page chooses with `<picture>`.
//!
//! A server has the same colour in all of them. Whatever is measured in rounds shows the lowest and the highest.

use std::fs;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;

pub type Error = Box<dyn std::error::Error>;
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// No wider than a page, so that text is not scaled down.
const SIZE: (u32, u32) = (760, 420);
const TITLE: u32 = 18;
pub const LABEL: u32 = 13;

/// The colours of what is no data.
#[derive(Clone, Copy)]
pub struct Theme {
    suffix: &'static str,
    paper: RGBColor,
    pub ink: RGBColor,
    pub grid: RGBColor,
}

const THEMES: [Theme; 2] = [
    Theme {
        suffix: "",
        paper: RGBColor(0xff, 0xff, 0xff),
        ink: RGBColor(0x1f, 0x23, 0x28),
        grid: RGBColor(0xd8, 0xde, 0xe4),
    },
    Theme {
        suffix: "-dark",
        paper: RGBColor(0x0d, 0x11, 0x17),
        ink: RGBColor(0xe6, 0xed, 0xf3),
        grid: RGBColor(0x30, 0x36, 0x3d),
    },
];

impl Theme {
    pub fn text(&self, size: u32) -> TextStyle<'static> {
        ("sans-serif", size).into_font().color(&self.ink)
    }
}

/// The colour of a server, by its name in the figures.
pub fn colour(server: &str) -> RGBColor {
    match server.split([' ', '_', ',']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "module" | "limit" => RGBColor(0x2d, 0xa4, 0x4e),
        "nginx" => RGBColor(0xe1, 0x6f, 0x24),
        "apache" => RGBColor(0x21, 0x8b, 0xff),
        "caddy" => RGBColor(0xa4, 0x75, 0xf9),
        "haproxy" => RGBColor(0xbf, 0x87, 0x00),
        "floor" => RGBColor(0xd6, 0x33, 0x6c),
        _ => RGBColor(0x76, 0x81, 0x8b),
    }
}

/// Draws a picture in all themes: FILE, and beside it the others.
pub fn draw_all(file: &Path, title: &str, draw: impl Fn(&Area<'_>, &Theme) -> Result<(), Error>) -> Result<(), Error> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).ok_or("no name")?;
    for theme in &THEMES {
        let mut drawing = String::new();
        {
            let root = SVGBackend::with_string(&mut drawing, SIZE).into_drawing_area();
            root.fill(&theme.paper)?;
            draw(&root.margin(8, 8, 8, 8).titled(title, theme.text(TITLE))?, theme)?;
            root.present()?;
        }
        fs::write(file.with_file_name(format!("{stem}{}.svg", theme.suffix)), format!("{}\n", drawing.trim_end()))?;
    }
    Ok(())
}

const PROTOCOLS: [(&str, &str); 3] = [("h1", "HTTP/1.1"), ("tls", "HTTP/1.1, TLS"), ("h2", "HTTP/2, TLS")];
const TWO: [(&str, &str); 2] = [("module", "limit_body"), ("nginx", "nginx alone")];
/// Connections at a time, of which the picture of memory shows what each takes.
const MANY: u64 = 10_000;
/// Where the bars of refusals by server end: one that is higher would squeeze the others.
const CUT: f64 = 2.5;

/// Draws what there is to draw.
pub fn draw(figures: &Path, directory: &Path) -> Result<(), Error> {
    let figures: Value = serde_json::from_str(&fs::read_to_string(figures)?)?;

    chart_growth(&directory.join("bench-refusals.svg"), &figures)?;

    let two = TWO.map(|(server, name)| (server.to_owned(), name.to_owned()));
    let protocols = PROTOCOLS.map(|(_, title)| title.to_owned());
    let memory = bars(&two, &PROTOCOLS, |server, protocol| {
        let rows = rows(&figures["memory"], &[("protocol", protocol), ("server", server)]);
        let many = rows.into_iter().find(|row| row["connections"] == MANY)?;
        Range::of(&many["worker_bytes_per_connection"])
    });
    chart_bars(
        &directory.join("bench-memory.svg"),
        &format!("Memory of {} clients that are refused and do not end (no bar: ends them)", thousands(MANY as f64)),
        "the worker's bytes for each",
        &protocols,
        &memory,
        None,
    )?;

    let refusal = |server: &str, protocol: &str| {
        rows(&figures["refusals"], &[("protocol", protocol), ("server", server)])
            .into_iter()
            .find(|row| row["keepalive"] != true || protocol == "h2")
    };
    let servers = servers(&figures["refusals"]);
    let refusals = bars(&servers, &PROTOCOLS, |server, protocol| {
        let row = refusal(server, protocol)?;
        let one = Range::of(&refusal("nginx", protocol)?["cpu_us_per_refusal"])?.median;
        Some(Range { median: row["ratio_cpu"].as_f64()?, ..Range::of(&row["cpu_us_per_refusal"])?.over(one) })
    });
    chart_bars(
        &directory.join("bench-servers.svg"),
        &format!("A refusal, by server (bars above {CUT} are cut)"),
        "CPU time, 1 is nginx alone",
        &protocols,
        &refusals,
        Some(CUT),
    )?;

    let cases = [
        ("plain, Content-Length", "Content-Length"),
        ("TLS 1.3, Content-Length", "Content-Length, TLS"),
        ("plain, chunks of 64 KiB", "chunks"),
        ("TLS 1.3, chunks of 64 KiB", "chunks, TLS"),
        ("HTTP/2, TLS 1.3", "HTTP/2"),
    ];
    let drained = bars(&servers, &cases, |server, case| {
        Range::of(&rows(&figures["drain"], &[("case", case), ("server", server)]).first()?["cpu_seconds_per_gb"])
    });
    let drained: Vec<Bars> = drained.into_iter().filter(|bars| bars.heights.iter().any(Option::is_some)).collect();
    chart_bars(
        &directory.join("bench-drain.svg"),
        "To read on after a refusal (no bar: does not; the kernel alone: plain HTTP/1.1)",
        "CPU seconds per GB",
        &cases.map(|(_, title)| title.to_owned()),
        &drained,
        None,
    )
}

/// The servers of the refusals, as (name in the figures, name to be read).
fn servers(refusals: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows(refusals, &[("protocol", "h1")])
        .iter()
        .filter(|row| row["keepalive"] == false)
        .map(|row| (text(&row["server"]), text(&row["name"])))
        .collect()
}

/// The rows of a part that have these values.
fn rows<'a>(part: &'a Value, wanted: &[(&str, &str)]) -> Vec<&'a Value> {
    let is_wanted = |row: &&Value| wanted.iter().all(|(key, value)| row[*key] == *value);
    part.as_array().map(|rows| rows.iter().filter(is_wanted).collect()).unwrap_or_default()
}

/// What was measured in the rounds.
#[derive(Clone, Copy)]
struct Range {
    median: f64,
    low: f64,
    high: f64,
}

impl Range {
    fn of(figure: &Value) -> Option<Self> {
        let number = |name: &str| figure[name].as_f64();
        Some(Self { median: number("median")?, low: number("low")?, high: number("high")? })
    }

    fn over(self, one: f64) -> Self {
        Self { median: self.median / one, low: self.low / one, high: self.high / one }
    }
}

/// Refusals a second as connections grow: a panel for each protocol.
fn chart_growth(file: &Path, figures: &Value) -> Result<(), Error> {
    let points = |server: &str, protocol: &str| -> Vec<(f64, Range)> {
        rows(&figures["growth"], &[("protocol", protocol), ("server", server)])
            .iter()
            .filter_map(|row| Some((row["connections"].as_f64()?, Range::of(&row["refusals_per_second"])?)))
            .collect()
    };
    draw_all(file, "Refusals a second as connections grow (HTTP/2: streams)", |root, theme| {
        for (panel, (protocol, title)) in root.split_evenly((1, PROTOCOLS.len())).iter().zip(PROTOCOLS) {
            let mut chart = ChartBuilder::on(panel)
                .margin_right(20)
                .caption(title, theme.text(LABEL + 1))
                .x_label_area_size(28)
                .y_label_area_size(58)
                .build_cartesian_2d((1f64..12_000f64).log_scale(), (500f64..150_000f64).log_scale())?;
            chart
                .configure_mesh()
                .axis_style(theme.ink)
                .bold_line_style(theme.grid)
                .light_line_style(TRANSPARENT)
                .label_style(theme.text(LABEL))
                .x_labels(4)
                .x_label_formatter(&|number| thousands(*number))
                .y_label_formatter(&|number| thousands(*number))
                .draw()?;
            for (server, name) in TWO {
                let (colour, points) = (colour(server), points(server, protocol));
                chart
                    .draw_series(LineSeries::new(
                        points.iter().map(|(at, range)| (*at, range.median)),
                        colour.stroke_width(3),
                    ))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 24, y)], colour.stroke_width(3)));
                chart.draw_series(points.iter().map(|(at, range)| {
                    PathElement::new(vec![(*at, range.low), (*at, range.high)], colour.stroke_width(1))
                }))?;
            }
            if protocol == "h1" {
                chart
                    .configure_series_labels()
                    .position(SeriesLabelPosition::LowerRight)
                    .label_font(theme.text(LABEL))
                    .legend_area_size(32)
                    .draw()?;
            }
        }
        Ok(())
    })
}

struct Bars {
    name: String,
    colour: RGBColor,
    /// One for each group; `None` where there is nothing to show.
    heights: Vec<Option<Range>>,
}

/// Bars for each server, one for each group, both as (name in the figures, name to be read).
fn bars(
    servers: &[(String, String)],
    groups: &[(&str, &str)],
    height: impl Fn(&str, &str) -> Option<Range>,
) -> Vec<Bars> {
    servers
        .iter()
        .map(|(server, name)| Bars {
            name: name.clone(),
            colour: colour(server),
            heights: groups.iter().map(|(group, _)| height(server, group)).collect(),
        })
        .collect()
}

/// With a CUT, higher bars end there; the number above them is theirs all the same.
fn chart_bars(
    file: &Path,
    title: &str,
    unit: &str,
    groups: &[String],
    series: &[Bars],
    cut: Option<f64>,
) -> Result<(), Error> {
    let most = series.iter().flat_map(|bars| bars.heights.iter().flatten().map(|it| it.high)).fold(0.0, f64::max);
    let most = cut.map_or(most, |cut| cut.min(most));
    let width = 0.84 / series.len() as f64;
    draw_all(file, title, |root, theme| {
        let mut chart = ChartBuilder::on(root)
            .x_label_area_size(28)
            .y_label_area_size(72)
            .build_cartesian_2d(-0.5..groups.len() as f64 - 0.5, 0.0..most * 1.4)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(theme.ink)
            .bold_line_style(theme.grid)
            .light_line_style(TRANSPARENT)
            .label_style(theme.text(LABEL))
            .x_labels(groups.len())
            .x_label_formatter(&|at| groups.get(at.round() as usize).cloned().unwrap_or_default())
            .y_label_formatter(&|number| shown(*number))
            .y_desc(unit)
            .draw()?;
        for (number, bars) in series.iter().enumerate() {
            let colour = bars.colour;
            let left = |group: usize| group as f64 - 0.42 + width * number as f64;
            let heights = || bars.heights.iter().enumerate().filter_map(|(group, it)| Some((group, (*it)?)));
            chart
                .draw_series(heights().map(|(group, it)| {
                    Rectangle::new(
                        [(left(group), 0.0), (left(group) + width * 0.92, it.median.min(most))],
                        colour.filled(),
                    )
                }))?
                .label(&bars.name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
            chart.draw_series(heights().filter(|(_, it)| it.low < most).map(|(group, it)| {
                let middle = left(group) + width * 0.46;
                PathElement::new(vec![(middle, it.low), (middle, it.high.min(most))], theme.ink.stroke_width(1))
            }))?;
            // A gap, in bars that are cut.
            chart.draw_series(heights().filter(|(_, it)| it.median > most).map(|(group, _)| {
                Rectangle::new(
                    [(left(group), most * 0.92), (left(group) + width * 0.92, most * 0.95)],
                    theme.paper.filled(),
                )
            }))?;
            let above = theme.text(LABEL).pos(Pos::new(HPos::Center, VPos::Bottom));
            chart.draw_series(heights().map(|(group, it)| {
                Text::new(shown(it.median), (left(group) + width * 0.46, it.high.min(most)), &above)
            }))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperMiddle)
            .label_font(theme.text(LABEL))
            .legend_area_size(20)
            .draw()?;
        Ok(())
    })
}

/// A number as it is read: 10,000 or 0.09.
fn shown(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => thousands(number),
    }
}

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
