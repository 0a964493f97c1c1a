//! The picture of docs/slow-uploads.json: how many connections a server holds, second by second.

use std::fs;
use std::path::Path;

use plotters::prelude::*;
use serde_json::Value;

use crate::plot::{colour, draw_all, thousands, Error, LABEL};

/// Draws a line for each server.
pub fn draw(figures: &Path, picture: &Path) -> Result<(), Error> {
    let figures: Value = serde_json::from_str(&fs::read_to_string(figures)?)?;
    let servers = figures["servers"].as_array().ok_or("no servers")?;
    let clients = figures["clients"].as_f64().ok_or("no clients")?;
    let lines: Vec<(&str, Vec<(f64, f64)>)> =
        servers.iter().map(|server| (server["name"].as_str().unwrap_or_default(), held(server))).collect();
    let end = lines.iter().flat_map(|line| line.1.last()).map(|point| point.0).fold(0.0, f64::max);
    let title = format!("Connections that a server holds, of {} clients that send a byte a second", thousands(clients));
    draw_all(picture, &title, |root, theme| {
        let mut chart = ChartBuilder::on(root)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, 0.0..clients * 1.5)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(theme.ink)
            .bold_line_style(theme.grid)
            .light_line_style(TRANSPARENT)
            .label_style(theme.text(LABEL))
            .x_desc("seconds")
            .x_label_formatter(&|number| thousands(*number))
            .y_label_formatter(&|number| thousands(*number))
            .draw()?;
        for (at, (name, points)) in lines.iter().enumerate() {
            // A second line of one server is thin.
            let is_first = lines[..at].iter().all(|(before, _)| colour(before) != colour(name));
            let stroke = colour(name).stroke_width(if is_first { 3 } else { 1 });
            chart
                .draw_series(LineSeries::new(points.iter().copied(), stroke))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 24, y)], stroke));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(theme.text(LABEL))
            .legend_area_size(32)
            .draw()?;
        Ok(())
    })
}

/// (seconds, connections) at each look.
fn held(server: &Value) -> Vec<(f64, f64)> {
    let looks = server["looks"].as_array().map(Vec::as_slice).unwrap_or_default();
    looks.iter().filter_map(|look| Some((look["second"].as_f64()?, look["held"].as_f64()?))).collect()
}
