"""The same spheroid over time: time zero, states, excess over references, when it fell apart.

Tables in, tables out: one row per plate, well and time point, sorted by plate, well and time.
Nothing here looks at pixels, so that a changed plate map, dose time or threshold needs no new
masks.
"""
