//! The example for Jenkins, and the pipeline's own shell steps, on a real API server.

mod agent;
mod example;
mod gateway;
mod roads;
mod site;
mod steps;
