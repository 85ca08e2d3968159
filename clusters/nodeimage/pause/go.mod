module seatrial/nodeimage/pause

go 1.24.0
