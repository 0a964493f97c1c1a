//! The picture of docs/slow-uploads.json: how many connections a server holds, second by second.

use std::fs;
use std::path::Path;

use plotters::prelude::*;
use serde_json::Value;

use crate::plot::{save, text, thousands, Error, COLOURS, GRID, INK, SIZE};

/// Draws a line for each server.
pub fn draw(figures: &Path, picture: &Path) -> Result<(), Error> {
    let figures: Value = serde_json::from_str(&fs::read_to_string(figures)?)?;
    let servers = figures["servers"].as_array().ok_or("no servers")?;
    let clients = figures["clients"].as_f64().ok_or("no clients")?;
    let lines: Vec<(&str, Vec<(f64, f64)>)> =
        servers.iter().map(|server| (server["name"].as_str().unwrap_or_default(), held(server))).collect();
    let end = lines.iter().flat_map(|line| line.1.last()).map(|point| point.0).fold(0.0, f64::max);
    let mut drawing = String::new();
    {
        let root = SVGBackend::with_string(&mut drawing, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .caption(format!("{} clients that send a byte a second", thousands(clients)), text(20))
            .x_label_area_size(48)
            .y_label_area_size(80)
            .build_cartesian_2d(0.0..end, 0.0..clients * 1.5)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text(14))
            .x_desc("seconds")
            .y_desc("connections that the server holds")
            .x_label_formatter(&|number| thousands(*number))
            .y_label_formatter(&|number| thousands(*number))
            .draw()?;
        for (number, (name, points)) in lines.into_iter().enumerate() {
            let stroke = COLOURS[number % COLOURS.len()].stroke_width(3);
            chart
                .draw_series(LineSeries::new(points, stroke))?
                .label(name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 24, y)], stroke));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(text(14))
            .legend_area_size(32)
            .draw()?;
        root.present()?;
    }
    save(picture, &drawing)
}

/// (seconds, connections) at each look.
fn held(server: &Value) -> Vec<(f64, f64)> {
    let looks = server["looks"].as_array().map(Vec::as_slice).unwrap_or_default();
    looks.iter().filter_map(|look| Some((look["second"].as_f64()?, look["held"].as_f64()?))).collect()
}
